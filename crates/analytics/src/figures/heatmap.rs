//! Jobs by weekday and hour, and by day, on the clocks of a time zone.

use std::collections::BTreeMap;

use domain::JobStatus;
use jiff::tz::TimeZone;

use crate::{Facts, LocalClock, Row, selection::Chunk};

/// Jobs that started in an hour of the week, or on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HourCell {
    /// Their number.
    pub jobs: u64,
    /// Those that completed.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Their `print`, in ms, where known.
    pub print: u64,
}

/// When jobs started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heatmap {
    /// By weekday, Monday first, and hour.
    pub week: [[HourCell; 24]; 7],
    /// By day since 1970-01-01; days without a job are left out.
    pub days: BTreeMap<i64, HourCell>,
    /// Jobs whose start is not known.
    pub undated: u64,
}

impl HourCell {
    fn add(&mut self, row: Row<'_>) {
        self.jobs += 1;
        self.completed += u64::from(row.status() == JobStatus::Completed);
        self.failed += u64::from(row.status().has_failed());
        self.print = self.print.saturating_add(row.print().unwrap_or(0));
    }

    fn merge(&mut self, other: &Self) {
        self.jobs += other.jobs;
        self.completed += other.completed;
        self.failed += other.failed;
        self.print = self.print.saturating_add(other.print);
    }
}

impl Heatmap {
    fn new() -> Self {
        Self {
            week: [[HourCell::default(); 24]; 7],
            days: BTreeMap::new(),
            undated: 0,
        }
    }

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

/// Jobs come in the order of time, so that a day is mostly that of the job before.
struct Walk {
    clock: LocalClock,
    map: Heatmap,
    day: (i64, HourCell),
}

impl Walk {
    fn new(zone: &TimeZone) -> Self {
        Self {
            clock: LocalClock::of(zone.clone()),
            map: Heatmap::new(),
            day: (i64::MIN, HourCell::default()),
        }
    }

    #[inline]
    fn add(&mut self, row: Row<'_>) {
        let Some(start) = row.start() else {
            self.map.undated += 1;
            return;
        };
        let (day, hour) = self.clock.day_and_hour(start);
        self.map.week[usize::from(LocalClock::weekday(day))][usize::from(hour)].add(row);
        if self.day.0 != day {
            self.end_day(day);
        }
        self.day.1.add(row);
    }

    fn end_day(&mut self, next: i64) {
        let (day, cell) = std::mem::replace(&mut self.day, (next, HourCell::default()));
        if cell.jobs > 0 {
            self.map.days.entry(day).or_default().merge(&cell);
        }
    }

    fn finish(mut self) -> Heatmap {
        self.end_day(i64::MIN);
        self.map
    }
}

impl Facts {
    /// When jobs started, on the clocks of `zone`.
    #[must_use]
    pub fn heatmap(&self, zone: &TimeZone) -> Heatmap {
        let mut map = Heatmap::new();
        let mut rest = Walk::new(zone);
        self.each_chunk(|part| match part {
            Chunk::Month(month) => map.merge(&month.partials.heatmaps.answer(zone, || {
                let mut walk = Walk::new(zone);
                month.rows().for_each(|row| walk.add(row));
                walk.finish()
            })),
            Chunk::Job(row) => rest.add(row),
        });
        map.merge(&rest.finish());
        map
    }
}
