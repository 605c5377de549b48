//! Pages of lists: the next jobs in an order, and the number of jobs.

use std::collections::HashSet;

use domain::{Cursor, JobId, ListOrder, UNDATED};

use crate::{
    Month, PackedJob, ReadError, Selection,
    figures::{Counting, FileCounting},
    month::MonthSummary,
    partition::{MonthEntry, MonthPartition},
    ranking::Ranking,
};

/// Number of months that are read for a page before the remaining months are compared with it, and possibly skipped.
const MONTHS_AT_ONCE: usize = 16;

impl Selection {
    /// Number of selected jobs.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn count(&self) -> Result<u64, ReadError> {
        match &self.conditions {
            None if !self.dated_only => {
                let entries = self.partitions.iter().flat_map(|partition| &partition.months);
                let selected = entries.filter(|entry| self.selects(entry));
                let ended: u64 = selected.map(|entry| entry.summary.len as u64).sum();
                Ok(ended + self.running_jobs().count() as u64)
            }
            Some(conditions) if self.is_by_file_name() && conditions.are_only_text() => {
                let Some(text) = &conditions.text else {
                    return Ok(0);
                };
                let counts = self.unfiltered().total(&FileCounting)?;
                Ok(counts.of(&text.files) + self.running_jobs().count() as u64)
            }
            _ => Ok(*self.total(&Counting)?),
        }
    }

    /// Whether the search covers all jobs and the file name decides for ended jobs whether they contain the text.
    fn is_by_file_name(&self) -> bool {
        let running: HashSet<JobId> = self
            .running_months()
            .iter()
            .flat_map(Month::jobs)
            .map(PackedJob::id)
            .collect();
        let text = self
            .conditions
            .as_ref()
            .and_then(|conditions| conditions.text.as_ref());
        !self.dated_only
            && self.selects_all_printers()
            && text.is_some_and(|text| text.jobs.is_subset(&running))
    }

    /// Positions of the first `limit` jobs after `after`.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn first(
        &self,
        order: ListOrder,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Vec<Cursor>, ReadError> {
        let mut found = match order {
            ListOrder::Newest | ListOrder::Oldest => self.page_by_start(order, limit, after)?,
            ListOrder::Most(amount) => self.page_by_amount(Ranking::Most(amount), limit, after)?,
            ListOrder::Least(amount) => self.page_by_amount(Ranking::Least(amount), limit, after)?,
        };
        found.sort_unstable_by(|one, other| order.compare(*one, *other));
        found.truncate(limit);
        Ok(found)
    }

    /// At least the first `limit` jobs in an order by start.
    fn page_by_start(
        &self,
        order: ListOrder,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Vec<Cursor>, ReadError> {
        let mut partitions: Vec<&MonthPartition> = self.partitions.iter().collect();
        if order == ListOrder::Newest {
            partitions.reverse();
        }
        let mut found: Vec<Cursor> = Vec::new();
        let mut reading = self.reading();
        let add = |job: PackedJob<'_>, found: &mut Vec<Cursor>| {
            let cursor = Cursor {
                value: job.start().unwrap_or(UNDATED),
                id: job.id(),
            };
            if after.is_none_or(|after| order.is_before(after, cursor)) {
                found.push(cursor);
            }
        };
        for partition in partitions {
            if is_passed(order, partition, after) {
                continue;
            }
            self.each_job(partition, &mut reading, |job| add(job, &mut found))?;
            if found.len() >= limit {
                break;
            }
        }
        self.running_jobs().for_each(|job| add(job, &mut found));
        Ok(found)
    }

    /// At least the first `limit` jobs in an order by amount. Months whose amounts cannot be on the page are skipped.
    fn page_by_amount(
        &self,
        by: Ranking,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Vec<Cursor>, ReadError> {
        let mut page = Page::new(by, limit, after);
        for month in self.running_months() {
            self.each_ranked(month, &mut page);
        }
        let entries = self.partitions.iter().flat_map(|partition| &partition.months);
        let mut entries: Vec<&MonthEntry> = entries
            .filter(|entry| self.selects(entry))
            .map(AsRef::as_ref)
            .collect();
        entries.sort_by_key(|entry| by.best(entry.summary.amounts(by.amount())));
        let mut reading = self.reading();
        for entries in entries.chunks(MONTHS_AT_ONCE) {
            let (between, with_unknown) = by.between(after, page.last);
            let may_be_on_page = |summary: &MonthSummary| {
                let amounts = summary.amounts(by.amount());
                let is_between = |(low, high): (u64, u64)| {
                    low.saturating_add(1) <= *between.end() && *between.start() <= high.saturating_add(1)
                };
                amounts.known.is_some_and(is_between) || (with_unknown && amounts.has_unknown)
            };
            let candidates = entries.iter().filter(|entry| may_be_on_page(&entry.summary));
            self.each_month(candidates.copied(), &mut reading, |month| {
                self.each_ranked(month, &mut page);
            })?;
        }
        Ok(page.found)
    }

    fn each_ranked(&self, month: &Month, page: &mut Page) {
        let between = page.by.between(page.after, page.last);
        month.each_by_amount(page.by.amount(), self.range(month), between, |job| {
            if self.meets_conditions(job) {
                page.add(page.by.place(job));
            }
        });
    }
}

/// Whether all jobs of the partition come before `after`.
fn is_passed(order: ListOrder, partition: &MonthPartition, after: Option<Cursor>) -> bool {
    let Some((after, (first, last))) = after.zip(partition.starts) else {
        return false;
    };
    match order {
        ListOrder::Newest => first > after.value,
        _ => last < after.value,
    }
}

/// The best positions so far, and some more.
struct Page {
    by: Ranking,
    limit: usize,
    after: Option<Cursor>,
    found: Vec<Cursor>,
    /// The last position on the page, once it is full.
    last: Option<Cursor>,
}

impl Page {
    fn new(by: Ranking, limit: usize, after: Option<Cursor>) -> Self {
        Self {
            by,
            limit,
            after,
            found: Vec::new(),
            last: None,
        }
    }

    fn add(&mut self, cursor: Cursor) {
        let order = self.by.order();
        if self.last.is_some_and(|last| !order.is_before(cursor, last))
            || self.after.is_some_and(|after| !order.is_before(after, cursor))
        {
            return;
        }
        self.found.push(cursor);
        if self.found.len() >= self.limit.saturating_mul(2).max(2) {
            let compare = |one: &Cursor, other: &Cursor| order.compare(*one, *other);
            let (_, last, _) = self
                .found
                .select_nth_unstable_by(self.limit.saturating_sub(1), compare);
            self.last = Some(*last);
            self.found.truncate(self.limit.max(1));
        }
    }
}
