//! Jobs by weekday and hour, and by day, on the clocks of a time zone.

use std::collections::BTreeMap;

use domain::{JobStatus, analytics::LocalClock};
use jiff::tz::TimeZone;

use crate::{Facts, facts::Row};

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

impl Facts {
    /// When jobs started, on the clocks of `zone`.
    #[must_use]
    pub fn heatmap(&self, zone: &TimeZone) -> Heatmap {
        let mut clock = LocalClock::of(zone.clone());
        let mut map = Heatmap {
            week: [[HourCell::default(); 24]; 7],
            days: BTreeMap::new(),
            undated: 0,
        };
        // Jobs come in the order of time, so that a day is mostly that of the job before.
        let mut current = (i64::MIN, HourCell::default());
        self.each(|row| {
            let Some(start) = row.start() else {
                map.undated += 1;
                return;
            };
            let (day, hour) = clock.day_and_hour(start);
            map.week[usize::from(LocalClock::weekday(day))][usize::from(hour)].add(row);
            if current.0 != day {
                let (day, cell) = std::mem::replace(&mut current, (day, HourCell::default()));
                map.days.entry(day).or_default().merge(&cell);
            }
            current.1.add(row);
        });
        map.days.entry(current.0).or_default().merge(&current.1);
        map.days.retain(|_, cell| cell.jobs > 0);
        map
    }
}
