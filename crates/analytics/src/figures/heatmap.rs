//! Jobs by weekday and hour, and by day, in a time zone.

use std::{collections::BTreeMap, sync::Arc};

use domain::JobStatus;
use jiff::tz::TimeZone;

use crate::{
    LocalClock, PackedJob, ReadError, Selection,
    memory::HeapSize,
    partition::MonthPartition,
    selection::{Figure, Question, Tally},
};

/// Jobs that started in one hour of the week, or on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HourCell {
    /// Number of jobs.
    pub jobs: u64,
    /// Number of completed jobs.
    pub completed: u64,
    /// Number of failed jobs.
    pub failed: u64,
    /// Sum of the known `print`, in ms.
    pub print: u64,
}

/// Jobs by the time of their start.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heatmap {
    /// By weekday, Monday first, and hour.
    pub week: [[HourCell; 24]; 7],
    /// By day since 1970-01-01; days without a job are omitted.
    pub days: BTreeMap<i64, HourCell>,
    /// Jobs whose start is unknown.
    pub undated: u64,
}

impl HourCell {
    fn add(&mut self, job: PackedJob<'_>) {
        self.jobs += 1;
        self.completed += u64::from(job.status() == JobStatus::Completed);
        self.failed += u64::from(job.status().has_failed());
        self.print = self.print.saturating_add(job.print().unwrap_or(0));
    }

    fn merge(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.completed += other.completed;
        self.failed += other.failed;
        self.print = self.print.saturating_add(other.print);
    }
}

impl HeapSize for Heatmap {
    fn heap_size(&self) -> usize {
        self.days.len() * size_of::<(i64, HourCell)>()
    }
}

impl Heatmap {
    fn merge(&mut self, other: &Self) {
        let cells = self.week.iter_mut().flatten();
        for (cell, more) in cells.zip(other.week.iter().flatten()) {
            cell.merge(more);
        }
        for (day, more) in &other.days {
            self.days.entry(*day).or_default().merge(more);
        }
        self.undated += other.undated;
    }
}

/// Jobs are ordered by start, so most started on the same day as the previous job.
struct HeatmapTally {
    clock: LocalClock,
    map: Heatmap,
    day: (i64, HourCell),
}

impl HeatmapTally {
    fn end_day(&mut self, next: i64) {
        let (day, cell) = std::mem::replace(&mut self.day, (next, HourCell::default()));
        if cell.jobs > 0 {
            self.map.days.entry(day).or_default().merge(&cell);
        }
    }
}

impl Tally for HeatmapTally {
    type Part = Heatmap;

    #[inline]
    fn add(&mut self, job: PackedJob<'_>) {
        let Some(start) = job.start() else {
            self.map.undated += 1;
            return;
        };
        let (day, hour) = self.clock.day_and_hour(start);
        self.map.week[usize::from(LocalClock::weekday(day))][usize::from(hour)].add(job);
        if self.day.0 != day {
            self.end_day(day);
        }
        self.day.1.add(job);
    }

    fn finish(mut self) -> Heatmap {
        self.end_day(i64::MIN);
        self.map
    }
}

struct Mapping<'a> {
    zone: &'a TimeZone,
}

impl Figure for Mapping<'_> {
    type Tally = HeatmapTally;
    type Total = Heatmap;

    /// A zone without a name is identified by its rules.
    fn question(&self, _: Option<&MonthPartition>) -> Question {
        let name = self.zone.iana_name().map(str::to_owned);
        Question::Heatmap(name.unwrap_or_else(|| format!("{:?}", self.zone)))
    }

    fn tally(&self, _: Option<&MonthPartition>) -> HeatmapTally {
        HeatmapTally {
            clock: LocalClock::of(self.zone.clone()),
            map: Heatmap::default(),
            day: (i64::MIN, HourCell::default()),
        }
    }

    fn add(total: &mut Heatmap, part: &Heatmap) {
        total.merge(part);
    }
}

impl Selection {
    /// Jobs by the time of their start, in a time zone.
    ///
    /// # Errors
    /// If months that are not in memory cannot be read.
    pub fn heatmap(&self, zone: &TimeZone) -> Result<Heatmap, ReadError> {
        Ok(Arc::unwrap_or_clone(self.total(&Mapping { zone })?))
    }
}
