//! The unit of work of a change of jobs. Only this module writes `print_jobs` and what depends on it: totals, outcome
//! counts, deleted jobs and their rows, search text, details queue, details, notes, pauses, months and the outbox. Its
//! submodules are private, so no other module can change a job and forget one of them.

mod deleted_job_rows;
mod deleted_jobs;
mod deletions;
mod details;
mod inserts;
mod notes;
mod outbox;
mod outcome_counts;
mod pauses;
mod printers;
mod queue;
mod rows;
mod search_text;
mod totals;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Figures, Job, JobChange, JobEvent, JobId, JobNotes, JobStatus, PrinterId};
use jiff::Timestamp;
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};

pub use deletions::Deletion;
pub(crate) use inserts::NewRecord;
use totals::LockedTotals;

use crate::{
    Error,
    db::{error::Fault, record::Record, tables::PrintJobs, transaction::Tx},
    files::job_details::JobDetails,
    job_months::{self, Touched},
};

/// Changes of jobs in one transaction. [`finish`](Self::finish) completes them; a transaction without it fails.
#[must_use]
pub(crate) struct JobChanges<'a> {
    tx: &'a Tx,
    now: Timestamp,
    printers: BTreeMap<PrinterId, Printer>,
    events: Vec<JobChange>,
}

/// A printer whose jobs no other transaction can change.
struct Printer {
    totals: LockedTotals,
    /// Changed jobs, with their starts before the change.
    touched: Vec<Touched>,
    imported: u64,
    corrected: u64,
}

impl Printer {
    fn new(totals: LockedTotals) -> Self {
        Self {
            totals,
            touched: Vec::new(),
            imported: 0,
            corrected: 0,
        }
    }

    fn touch(&mut self, id: JobId, start_time: Option<Timestamp>, stays_open: bool) {
        self.touched.push(Touched {
            id,
            start_time,
            stays_open,
        });
    }
}

/// A job that no other transaction can change or delete.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LockedJob {
    pub(crate) id: JobId,
    pub(crate) printer_id: PrinterId,
    start_time: Option<Timestamp>,
    is_open: bool,
}

/// Who reports a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reporter {
    /// The tracker, from the live connection.
    Tracker,
    /// A page of a history. Corrections of ended jobs are counted in one event, because a page may have thousands.
    Import,
}

impl<'a> JobChanges<'a> {
    /// Locks the jobs of a printer.
    ///
    /// # Errors
    /// [`Error::NoSuchPrinter`].
    pub(crate) async fn lock(tx: &'a Tx, printer_id: PrinterId, now: Timestamp) -> Result<Self, Fault> {
        Self::lock_all(tx, &BTreeSet::from([printer_id]), now).await
    }

    /// Locks the jobs of several printers, in the order of their ids, so that two transactions do not deadlock.
    pub(crate) async fn lock_all(
        tx: &'a Tx,
        printer_ids: &BTreeSet<PrinterId>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mut printers = BTreeMap::new();
        for id in printer_ids {
            printers.insert(*id, Printer::new(LockedTotals::lock(tx, *id).await?));
        }
        // From here on the transaction cannot commit without `finish`.
        tx.begin_changes();
        Ok(Self {
            tx,
            now,
            printers,
            events: Vec::new(),
        })
    }

    /// Locks a job, by locking its printer. `None` if there is no such job.
    pub(crate) async fn lock_job(
        tx: &'a Tx,
        id: JobId,
        now: Timestamp,
    ) -> Result<Option<(Self, LockedJob)>, Fault> {
        // Read first without a lock, because the lock is that of a printer, which only the row names.
        let Some(job) = find(tx, id).await? else {
            return Ok(None);
        };
        // The printer of a job never changes.
        let changes = match Self::lock(tx, job.printer_id, now).await {
            Err(Fault::Store(Error::NoSuchPrinter(_))) => return Ok(None),
            changes => changes?,
        };
        // Read again under the lock: it may have been deleted in between.
        match changes.job(id).await? {
            Some(job) => Ok(Some((changes, job))),
            None => {
                changes.finish().await?;
                Ok(None)
            }
        }
    }

    /// A job of the locked printer. `None` if it was deleted.
    pub(crate) async fn job(&self, id: JobId) -> Result<Option<LockedJob>, Fault> {
        let job = find(self.tx, id).await?;
        Ok(job.filter(|job| self.has_locked(job.printer_id)))
    }

    /// Inserts a job that the tracker has seen start.
    pub(crate) async fn insert(&mut self, job: &Job) -> Result<JobId, Fault> {
        let id = inserts::live(self.tx, job, self.now).await?;
        let printer = self.printer(job.printer_id)?;
        printer.totals.add(&job.figures);
        printer.touch(id, job.start_time, job.status.is_open());
        for event in JobEvent::of_new(job) {
            self.emit(job.printer_id, id, event);
        }
        Ok(id)
    }

    /// Inserts jobs from the history of a printer.
    pub(crate) async fn insert_history(&mut self, printer_id: PrinterId, jobs: &[Job]) -> Result<(), Fault> {
        if jobs.is_empty() {
            return Ok(());
        }
        let inserted = inserts::history(self.tx, printer_id, jobs, self.now).await?;
        let printer = self.printer(printer_id)?;
        jobs.iter().for_each(|job| printer.totals.add(&job.figures));
        for (id, start_time) in inserted {
            printer.touch(id, start_time, false);
        }
        printer.imported += jobs.len() as u64;
        Ok(())
    }

    /// Inserts jobs of an export, with all their data.
    pub(crate) async fn insert_records(&mut self, records: &[NewRecord<'_>]) -> Result<(), Fault> {
        let ids = inserts::records(self.tx, records, self.now).await?;
        for (record, id) in records.iter().zip(ids) {
            let printer = self.printer(record.job.printer_id)?;
            printer.totals.add(&record.job.figures);
            printer.touch(id, record.job.start_time, false);
            printer.imported += 1;
        }
        Ok(())
    }

    /// Updates the columns of a job that differ. `twins` are other rows of the same print; they are removed, and the job
    /// takes over their notes. `false` if nothing differed.
    pub(crate) async fn update(
        &mut self,
        reporter: Reporter,
        (id, before): (JobId, &Job),
        after: &Job,
        twins: &[(JobId, Job)],
    ) -> Result<bool, Fault> {
        let tx = self.tx;
        let printer_id = before.printer_id;
        for (twin, of_twin) in twins {
            if notes::adopt(tx, *twin, id).await? {
                search_text::reindex(tx, id).await?;
            }
            // After its notes have moved. What is left of the twin goes with it.
            self.remove_rows(*twin, of_twin).await?;
            self.emit(printer_id, *twin, JobEvent::Merged { into: id });
        }
        pauses::record(tx, id, before.status, after).await?;
        let changed = rows::update(tx, id, before, after, self.now).await?;
        // The search text contains the name, and the details may be readable under the new one.
        if changed.contains(&PrintJobs::Filename) {
            search_text::reindex(tx, id).await?;
            queue::retry(tx, id, self.now).await?;
        }
        if changed.is_empty() && twins.is_empty() {
            return Ok(false);
        }
        // Exported counts must not fall: an outcome that a job no longer has is still counted.
        let mut outcomes = vec![before.status];
        for (_, of_twin) in twins {
            outcomes.push(of_twin.status);
        }
        outcome_counts::correct(tx, printer_id, outcomes, after.status).await?;
        let printer = self.printer(printer_id)?;
        if !changed.is_empty() {
            printer.totals.replace(&before.figures, &after.figures);
        }
        let stays_open = before.status.is_open() && after.status.is_open();
        printer.touch(id, before.start_time, stays_open);
        match JobEvent::of_change(before.status, after) {
            JobEvent::Corrected { .. } if reporter == Reporter::Import => printer.corrected += 1,
            event => self.emit(printer_id, id, event),
        }
        Ok(!changed.is_empty())
    }

    /// Updates what changes while a job runs: its status, message and figures, and when it was last seen. Other columns
    /// are not read. A checkpoint of a running job is not an event and changes no month: there are two a minute.
    pub(crate) async fn update_progress(
        &mut self,
        id: JobId,
        (status, figures): (JobStatus, Figures),
        after: &Job,
    ) -> Result<(), Fault> {
        let tx = self.tx;
        rows::update_progress(tx, id, after, self.now).await?;
        pauses::record(tx, id, status, after).await?;
        let printer = self.printer(after.printer_id)?;
        printer.totals.replace(&figures, &after.figures);
        // Running jobs are in no month, and their outcome is open.
        if !(status.is_open() && after.status.is_open()) {
            printer.touch(id, after.start_time, false);
            outcome_counts::correct(tx, after.printer_id, [status], after.status).await?;
        }
        if status != after.status {
            self.emit(after.printer_id, id, JobEvent::of_change(status, after));
        }
        Ok(())
    }

    /// Replaces the details of a job.
    pub(crate) async fn set_details(&mut self, job: LockedJob, details: &JobDetails) -> Result<(), Fault> {
        details::replace(self.tx, job.id, details).await?;
        self.printer(job.printer_id)?
            .touch(job.id, job.start_time, job.is_open);
        Ok(())
    }

    /// Reports that an attempt to read the details of a job has ended. Emits an event only for jobs whose start was
    /// observed or whose details a user requested.
    pub(crate) async fn report_details(&mut self, job: LockedJob) -> Result<(), Fault> {
        if queue::is_live(self.tx, job.id).await? {
            self.emit(job.printer_id, job.id, JobEvent::DetailsChanged);
        }
        Ok(())
    }

    /// Replaces the notes of a job and logs the change.
    pub(crate) async fn set_notes(
        &mut self,
        job: LockedJob,
        before: &JobNotes,
        after: &JobNotes,
        changed_by: &str,
    ) -> Result<(), Fault> {
        notes::log(self.tx, job.id, before, after, changed_by, self.now).await?;
        notes::replace(self.tx, job.id, after).await?;
        search_text::reindex(self.tx, job.id).await?;
        self.emit(job.printer_id, job.id, JobEvent::NotesChanged);
        Ok(())
    }

    /// Completes the changes: packs months, writes totals and the outbox. These are the last statements of the
    /// transaction, because they lock rows that all printers share.
    pub(crate) async fn finish(self) -> Result<(), Fault> {
        let mut events = self.events;
        let touched = self
            .printers
            .iter()
            .filter(|(_, printer)| !printer.touched.is_empty())
            .map(|(id, printer)| (*id, printer.touched.clone()))
            .collect();
        // After all rows are written, because it reads them again.
        job_months::refresh(self.tx, &touched).await?;
        for (printer_id, printer) in self.printers {
            printer.totals.save(self.tx, self.now).await?;
            let (added, corrected) = (printer.imported, printer.corrected);
            if added + corrected > 0 {
                events.push(JobChange {
                    printer_id,
                    job_id: None,
                    event: JobEvent::Imported { added, corrected },
                });
            }
        }
        // Last: its row of positions is shared by all printers, and locked from here to the commit.
        outbox::insert(self.tx, &events, self.now).await?;
        // Subscribers in this process get them after the commit, not before.
        self.tx.end_changes(events);
        Ok(())
    }

    async fn remove_rows(&mut self, id: JobId, job: &Job) -> Result<(), Fault> {
        // The rows that refer to the job first, as foreign keys demand.
        queue::remove(self.tx, id).await?;
        notes::remove(self.tx, id).await?;
        pauses::remove(self.tx, id).await?;
        search_text::remove(self.tx, id).await?;
        details::remove(self.tx, id).await?;
        rows::remove(self.tx, id).await?;
        let printer = self.printer(job.printer_id)?;
        printer.totals.remove(&job.figures);
        printer.touch(id, job.start_time, job.status.is_open());
        Ok(())
    }

    fn printer(&mut self, id: PrinterId) -> Result<&mut Printer, Fault> {
        let printer = self.printers.get_mut(&id);
        printer.ok_or_else(|| Error::NoSuchPrinter(id).into())
    }

    fn emit(&mut self, printer_id: PrinterId, job_id: JobId, event: JobEvent) {
        self.events.push(JobChange {
            printer_id,
            job_id: Some(job_id),
            event,
        });
    }
}

/// Inserts the empty totals that every printer has.
pub(crate) async fn add_printer(tx: &Tx, id: PrinterId) -> Result<(), Fault> {
    totals::insert(tx, id, &domain::JobTotals::default()).await
}

impl JobChanges<'_> {
    /// Removes all jobs of a printer, its totals and its months. Emits no events for the jobs, because a printer may
    /// have a million.
    pub(crate) async fn remove_printer(&mut self, id: PrinterId) -> Result<(), Fault> {
        // Its totals are deleted below, so `finish` must not write them.
        self.printers.remove(&id);
        printers::remove(self.tx, id).await
    }
}

async fn find(tx: &Tx, id: JobId) -> Result<Option<LockedJob>, Fault> {
    let query = Query::select()
        .columns([
            PrintJobs::Id,
            PrintJobs::PrinterId,
            PrintJobs::StartTime,
            PrintJobs::Status,
        ])
        .from(PrintJobs::Table)
        .and_where(Expr::col(PrintJobs::Id).eq(id.0))
        .to_owned();
    let Some(row) = tx.query_one(&query).await? else {
        return Ok(None);
    };
    let record = Record::new(&row, "print_jobs", "id")?;
    Ok(Some(LockedJob {
        id,
        printer_id: PrinterId(record.get("printer_id")?),
        start_time: record.time("start_time")?,
        is_open: record.status()?.is_open(),
    }))
}
