//! Visits the jobs of months, and reads the months that are not in memory.

use std::{collections::HashSet, sync::Arc};

use domain::JobId;

use super::Selection;
use crate::{
    Fact, Month, MonthRef, PackedJob, ReadError,
    figures::files_of_partition,
    partition::{MonthEntry, MonthPartition},
};

/// Number of months and bytes that are read from the source at once.
const BATCH: usize = 64;
const BATCH_BYTES: usize = 4_000_000;

/// Limits how much of the data read by a request stays in memory: the first months, until the capacity is full.
/// Otherwise a request that reads more than fits would evict the months that the next request needs first.
pub(crate) struct Reading {
    capacity_left: usize,
}

impl Selection {
    pub(crate) fn reading(&self) -> Reading {
        Reading {
            capacity_left: self.memory.months_capacity(),
        }
    }

    /// Visits the selected jobs of a partition.
    pub(crate) fn each_job(
        &self,
        partition: &MonthPartition,
        reading: &mut Reading,
        mut visit: impl FnMut(PackedJob<'_>),
    ) -> Result<(), ReadError> {
        if !self.reaches(partition.starts) || !self.may_contain_text(partition, reading)? {
            return Ok(());
        }
        let entries = partition.months.iter().filter(|entry| self.selects(entry));
        self.each_month(entries.map(AsRef::as_ref), reading, |month| {
            self.each_in(month, &mut visit);
        })
    }

    /// Visits months, those in memory first.
    pub(crate) fn each_month<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a MonthEntry>,
        reading: &mut Reading,
        mut visit: impl FnMut(&Month),
    ) -> Result<(), ReadError> {
        let (mut missing, mut bytes) = (Vec::new(), 0);
        for entry in entries {
            if let Some(month) = self.memory.month(&entry.month) {
                reading.fits(entry.summary.bytes);
                visit(&month);
                continue;
            }
            missing.push(entry.month);
            bytes += entry.summary.bytes;
            if missing.len() == BATCH || bytes >= BATCH_BYTES {
                self.read(&missing, reading, &mut visit)?;
                missing.clear();
                bytes = 0;
            }
        }
        self.read(&missing, reading, &mut visit)
    }

    fn read(
        &self,
        months: &[MonthRef],
        reading: &mut Reading,
        visit: &mut impl FnMut(&Month),
    ) -> Result<(), ReadError> {
        if months.is_empty() {
            return Ok(());
        }
        for (current, month) in self.source.read(months)? {
            if months.contains(&current) {
                let month = Arc::new(month);
                if reading.fits(month.bytes()) {
                    self.memory.keep_month(current, month.clone());
                }
                visit(&month);
            } else {
                visit(&self.without_running(&month));
            }
        }
        Ok(())
    }

    /// A month that has changed since the jobs were selected may contain a job that was running at that time.
    fn without_running(&self, month: &Month) -> Month {
        let running: HashSet<JobId> = self
            .running
            .iter()
            .flat_map(Month::jobs)
            .map(PackedJob::id)
            .collect();
        let facts: Vec<Fact> = month.facts().filter(|fact| !running.contains(&fact.id)).collect();
        Month::pack(month.printer_id(), month.key(), &facts)
    }

    /// Whether a job of the partition may contain the text that is searched for.
    fn may_contain_text(&self, partition: &MonthPartition, reading: &mut Reading) -> Result<bool, ReadError> {
        let text = self
            .conditions
            .as_ref()
            .and_then(|conditions| conditions.text.as_ref());
        match text {
            None => Ok(true),
            Some(text) if text.is_empty() => Ok(false),
            // The partitions of these jobs are unknown.
            Some(text) if !text.jobs.is_empty() || self.printers.is_some() => Ok(true),
            Some(text) => Ok(files_of_partition(self, partition, reading)?.any_of(&text.files)),
        }
    }
}

impl Reading {
    /// Whether this many more bytes stay in memory.
    fn fits(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.capacity_left;
        self.capacity_left = self.capacity_left.saturating_sub(bytes);
        fits
    }
}
