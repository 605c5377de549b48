//! Reads the history of a printer: its newest rows after each connect, and the whole history once.
//!
//! Both are idempotent: reading a row twice changes nothing.

use std::time::Duration;

use domain::{Backfill, HistoryEnd, HistoryJob, Job, PrinterId};
use jiff::Timestamp;
use moonraker::{Client, Endpoint, HistoryQuery, Order, RequestError, RowProblem};
use store::Store;
use tracing::{info, warn};

use crate::{
    clock::Clock,
    ingest::{
        fleet::BackfillSetting,
        moonraker::{
            convert,
            gcode_names::GcodeNames,
            limitations::RowProblems,
            page_size::{MAX_ROWS, PageSize},
        },
    },
};

/// Rows per page when reading the newest rows.
const RECENT_PAGE: u64 = 50;
/// Limits in rows and bytes for reading the newest rows after a lost connection: years of prints.
const MAX_RECENT_ROWS: u64 = 20_000;
const MAX_RECENT_BYTES: u64 = 64 << 20;
/// Limit in bytes for a whole history. 100,000 jobs take 114 MB.
const MAX_HISTORY_BYTES: u64 = 512 << 20;
/// How often the import may step back, because rows seem to have been deleted, without passing its furthest position.
const MAX_SETBACKS: u32 = 20;
/// Minimum pause between two pages of the import; the pause also lasts at least as long as the page took.
const MIN_PAUSE: Duration = Duration::from_millis(100);

/// Why the history could not be read or stored.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HistoryError {
    #[error("cannot read the printer's history")]
    Request(#[from] RequestError),
    #[error("cannot store the printer's history")]
    Store(#[from] store::Error),
    #[error("the rest of the printer's history is not read: {0}")]
    Implausible(String),
}

/// Reads the history of one printer.
#[derive(Clone)]
pub(crate) struct HistoryReader {
    pub(crate) printer_id: PrinterId,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) page_size: PageSize,
    pub(crate) names: GcodeNames,
    pub(crate) endpoint: Option<Endpoint>,
}

/// The newest rows of the history.
pub(crate) struct Recent {
    /// The newest row. `None` if the history is empty or unreadable.
    pub(crate) newest: Option<HistoryJob>,
    /// Why older rows could not be read. `None` if all new rows have been read.
    pub(crate) cut_short: Option<HistoryError>,
    /// What could not be read in the rows.
    pub(crate) problems: RowProblems,
}

/// A page of the history.
struct Page {
    /// The readable rows.
    rows: Vec<HistoryJob>,
    /// Number of rows in the page, including unreadable ones.
    covered: u64,
    /// Bytes of these rows.
    bytes: u64,
    /// Whether the history ends with this page.
    is_last: bool,
    /// What could not be read in the rows.
    problems: Vec<RowProblem>,
}

impl HistoryReader {
    /// Merges the newest rows into the store until a page contains nothing new. Skips the newest row if the history
    /// does not report a reliable end for it: its outcome depends on the current print.
    pub(crate) async fn read_recent(
        &self,
        client: &Client,
        open: &[Job],
        backfill: &Backfill,
    ) -> Result<Recent, HistoryError> {
        let (mut newest, mut problems) = (None, RowProblems::default());
        let (mut start, mut bytes) = (0, 0);
        // A run without an id has no row yet, so the search does not wait for one.
        let mut wanted: Vec<&Job> = open.iter().filter(|job| job.job_id.is_some()).collect();
        loop {
            let page = match self.page(client, start, RECENT_PAGE, Order::Descending).await {
                Ok(page) => page,
                Err(cause) => {
                    let cut_short = Some(cause);
                    return Ok(Recent {
                        newest,
                        cut_short,
                        problems,
                    });
                }
            };
            page.problems.iter().for_each(|problem| problems.add(problem));
            let rows = page.rows;
            if start == 0 {
                newest = rows.first().cloned();
            }
            wanted.retain(|job| !rows.iter().any(|row| row.is_run_of(job)));
            let skipped = newest
                .as_ref()
                .filter(|row| !matches!(row.end, HistoryEnd::Seen(_)));
            let imported = self.import(&rows, skipped, open, backfill).await?;
            // Until the first import is complete, the import reads the remaining rows.
            let mut cut_short = None;
            let mut is_done =
                page.is_last || backfill.completed_at.is_none() || (imported == 0 && wanted.is_empty());
            // The limits cost a call, and most histories have nothing new beyond the first page.
            if !is_done {
                cut_short = self.check_limits(client, start, bytes + page.bytes).await.err();
                is_done = cut_short.is_some();
            }
            if is_done {
                return Ok(Recent {
                    newest,
                    cut_short,
                    problems,
                });
            }
            start += page.covered;
            bytes += page.bytes;
        }
    }

    /// Checks the limits before the next page is read. `start` and `bytes` cover the pages read so far.
    async fn check_limits(&self, client: &Client, start: u64, bytes: u64) -> Result<(), HistoryError> {
        if start == 0 {
            return check_history_end(client).await;
        }
        if start >= MAX_RECENT_ROWS || bytes >= MAX_RECENT_BYTES {
            return Err(HistoryError::Implausible(format!(
                "{start} rows ({} MiB) are new or changed since the last connection, and there are more",
                bytes >> 20
            )));
        }
        Ok(())
    }

    /// Merges the next page of the whole history, oldest first, and returns the new progress.
    ///
    /// `current` is the running job. The tracker owns it, so its row is left out.
    pub(crate) async fn read_next_page(
        &self,
        client: &Client,
        current: Option<&Job>,
        mut backfill: Backfill,
        previous: Option<String>,
    ) -> Result<PageRead, HistoryError> {
        // Each page overlaps the previous one by a row. If that row has changed, rows were deleted meanwhile and the
        // following ones moved up. A page of a single large row has no room for the overlap.
        let previous = previous.filter(|_| self.page_size.rows(MAX_ROWS) > 1);
        let overlap = u64::from(previous.is_some());
        let start = backfill.position.saturating_sub(overlap);
        let page = self.page(client, start, MAX_ROWS, Order::Ascending).await?;
        let (rows, bytes) = (&page.rows, page.bytes);
        if previous.is_some() && rows.first().map(|row| &row.job_id) != previous.as_ref() {
            // By a page, because the number of deleted rows is unknown.
            backfill.position = start.saturating_sub(MAX_ROWS);
            self.store.save_backfill(self.printer_id, &backfill).await?;
            return Ok(PageRead {
                backfill,
                last: None,
                bytes,
                // They are read again, from the new position.
                problems: RowProblems::default(),
            });
        }
        let skipped = rows
            .iter()
            .find(|row| current.is_some_and(|job| row.is_run_of(job)))
            // The tracker may not have opened a job for the running print yet.
            .or_else(|| rows.last().filter(|row| row.end == HistoryEnd::Running));
        self.import(
            rows,
            skipped,
            current.map_or(&[], std::slice::from_ref),
            &backfill,
        )
        .await?;
        let mut problems = RowProblems::default();
        let is_new = |problem: &&RowProblem| problem.position >= start + overlap;
        page.problems
            .iter()
            .filter(is_new)
            .for_each(|problem| problems.add(problem));
        // If the last row is unreadable, it cannot serve as the overlap.
        let last = rows
            .last()
            .filter(|_| rows.len() as u64 == page.covered)
            .map(|row| row.job_id.clone());
        backfill.position = start + page.covered;
        if page.is_last {
            backfill.completed_at = Some(self.clock.now());
        }
        self.store.save_backfill(self.printer_id, &backfill).await?;
        Ok(PageRead {
            backfill,
            last,
            bytes,
            problems,
        })
    }

    /// Imports the rows and returns how many were new or changed something.
    async fn import(
        &self,
        rows: &[HistoryJob],
        skipped: Option<&HistoryJob>,
        open: &[Job],
        backfill: &Backfill,
    ) -> Result<u64, HistoryError> {
        let wanted: Vec<HistoryJob> = rows
            .iter()
            .filter(|row| match (backfill.since, row.start_time) {
                // A job that is open here is ours, also if it began before the limit.
                (Some(since), Some(start)) => start >= since || open.iter().any(|job| row.is_run_of(job)),
                _ => true,
            })
            .cloned()
            .collect();
        if wanted.is_empty() {
            return Ok(0);
        }
        let imported = self
            .store
            .import_history(self.printer_id, &wanted, skipped, self.clock.now())
            .await?;
        Ok(imported.added + imported.changed)
    }

    async fn page(
        &self,
        client: &Client,
        start: u64,
        limit: u64,
        order: Order,
    ) -> Result<Page, HistoryError> {
        let limit = self.page_size.rows(limit);
        if limit == 0 {
            let cause = "one of its rows is larger than the largest message of a connection";
            return Err(HistoryError::Implausible(cause.to_owned()));
        }
        let query = HistoryQuery {
            start,
            limit,
            order,
            ..HistoryQuery::default()
        };
        let page = client.history_page_skipping_bad_rows(query).await?;
        self.page_size.received(page.rows, page.bytes);
        if let Some(first) = page.problems.first() {
            warn!(
                rows = page.problems.len(),
                "{} rows of the printer's history have unreadable fields; the first: {first}",
                page.problems.len()
            );
        }
        let is_last = page.is_last(limit);
        let mut rows: Vec<_> = page.jobs.into_iter().map(convert::history_job).collect();
        if let Some(endpoint) = &self.endpoint {
            for row in &mut rows {
                self.names.make_relative(&mut row.filename, endpoint).await;
            }
        }
        Ok(Page {
            covered: page.rows,
            bytes: page.bytes,
            is_last,
            problems: page.problems,
            rows,
        })
    }
}

/// The import plan, fixed at the first contact with a printer. `host_now` is the time by the printer's clock.
pub(crate) fn import_plan(setting: BackfillSetting, now: Timestamp, host_now: Timestamp) -> Backfill {
    Backfill {
        since: match setting {
            BackfillSetting::All => None,
            BackfillSetting::Nothing => Some(host_now),
            BackfillSetting::Since(since) => Some(since),
        },
        position: 0,
        completed_at: (setting == BackfillSetting::Nothing).then_some(now),
        first_contact: Some(now),
    }
}

/// The import of a whole history, page by page, in parallel with the live connection.
pub(crate) struct BackfillRun {
    reader: HistoryReader,
    client: Client,
    backfill: Backfill,
    previous: Option<String>,
    in_flight: Option<Reading>,
    /// Bytes read so far.
    bytes: u64,
    /// The furthest position reached, and the number of steps back since then.
    furthest: u64,
    setbacks: u32,
    /// Whether the history is known to end.
    has_end: bool,
    /// What could not be read in the rows since the last [`take_problems`](Self::take_problems).
    problems: RowProblems,
}

/// Result of reading one page of the import.
pub(crate) struct PageRead {
    backfill: Backfill,
    /// Id of its last row. `None` if the page ends with an unreadable row.
    last: Option<String>,
    bytes: u64,
    problems: RowProblems,
}

type Reading = std::pin::Pin<Box<dyn Future<Output = Result<PageRead, HistoryError>> + Send>>;

impl BackfillRun {
    /// Creates the import. `None` if it is already complete.
    pub(crate) fn new(reader: HistoryReader, client: Client, backfill: Backfill) -> Option<Self> {
        backfill.completed_at.is_none().then(|| Self {
            reader,
            client,
            backfill,
            previous: None,
            in_flight: None,
            bytes: 0,
            furthest: backfill.position,
            setbacks: 0,
            has_end: false,
            problems: RowProblems::default(),
        })
    }

    /// Reads the next page. Cancel-safe: a later call continues the page in flight.
    pub(crate) async fn next(&mut self, current: Option<&Job>) -> Result<Backfill, HistoryError> {
        let read = self.in_flight.get_or_insert_with(|| {
            let (reader, client) = (self.reader.clone(), self.client.clone());
            let (backfill, previous, current) = (self.backfill, self.previous.clone(), current.cloned());
            // Not before the first page: many histories fit into it.
            let is_second = self.bytes > 0 && !self.has_end;
            Box::pin(async move {
                let began = tokio::time::Instant::now();
                if is_second {
                    check_history_end(&client).await?;
                }
                let result = reader
                    .read_next_page(&client, current.as_ref(), backfill, previous)
                    .await;
                // A printer that prints has half of its time for itself.
                tokio::time::sleep(began.elapsed().max(MIN_PAUSE)).await;
                result
            })
        });
        let result = read.await;
        self.in_flight = None;
        let page = result?;
        self.problems.append(page.problems);
        self.has_end = self.bytes > 0;
        self.bytes += page.bytes;
        self.check_progress(&page.backfill)?;
        let (backfill, previous) = (page.backfill, page.last);
        let printer_id = self.reader.printer_id.0;
        if backfill.completed_at.is_some() {
            info!(
                printer.id = printer_id,
                jobs = backfill.position,
                "imported the printer's history"
            );
        } else if backfill.position / 10_000 != self.backfill.position / 10_000 {
            info!(
                printer.id = printer_id,
                jobs = backfill.position,
                "importing the printer's history"
            );
        }
        (self.backfill, self.previous) = (backfill, previous);
        Ok(backfill)
    }
}

impl BackfillRun {
    /// What could not be read in the rows since the last call.
    pub(crate) fn take_problems(&mut self) -> RowProblems {
        std::mem::take(&mut self.problems)
    }

    fn check_progress(&mut self, backfill: &Backfill) -> Result<(), HistoryError> {
        if backfill.completed_at.is_some() {
            return Ok(());
        }
        if self.bytes > MAX_HISTORY_BYTES {
            let cause = format!("it is larger than {} MiB", MAX_HISTORY_BYTES >> 20);
            return Err(HistoryError::Implausible(cause));
        }
        if backfill.position > self.furthest {
            (self.furthest, self.setbacks) = (backfill.position, 0);
        } else {
            self.setbacks += 1;
        }
        if self.setbacks > MAX_SETBACKS {
            let cause = format!(
                "the order of its rows changes, so the import cannot get past row {}",
                self.furthest
            );
            return Err(HistoryError::Implausible(cause));
        }
        Ok(())
    }
}

async fn check_history_end(client: &Client) -> Result<(), HistoryError> {
    client
        .check_history_end()
        .await?
        .map_err(|limitation| HistoryError::Implausible(limitation.cause))
}
