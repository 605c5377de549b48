//! A history of any length from before the simulation. Each row is generated on demand.

use std::{ops::Range, sync::Arc};

use serde_json::{Value, json};

use crate::{
    Version,
    catalog::{self, SlicedFile},
    history::Row,
    random::Random,
};

/// The prints from before the simulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastPrints {
    /// Number of prints.
    pub count: u64,
    /// Number of days before the start of the simulation over which they are spread.
    pub days: f64,
}

/// The rows of [`PastPrints`].
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    seed: u64,
    first_id: u64,
    count: u64,
    /// Start of the first print, in Unix seconds.
    begins: f64,
    /// Average time between two starts, in seconds.
    spacing: f64,
    /// Number of frequently printed files per length class.
    favourites: usize,
    version: Version,
}

/// Prints per block. The prints of a block share a stretch of time; most take minutes, a few take most of the time.
const BLOCK: u64 = 256;
/// Spread of the print lengths: the standard deviation of their logarithms.
const SPREAD: f64 = 1.8;
/// Share of the time that the printer is printing.
const BUSY: f64 = 0.45;
/// Longest print, in seconds.
const LONGEST: f64 = 4.0 * 86_400.0;
/// Upper bound on the ratio of actual to estimated print time.
const SLOWEST: f64 = 1.18;
/// Share of prints of a frequently printed file.
const REPRINTS: f64 = 0.6;

/// Outcomes of prints, with their frequencies out of 20.
const STATUSES: [&str; 20] = [
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "completed",
    "cancelled",
    "cancelled",
    "cancelled",
    "error",
    "klippy_shutdown",
    "interrupted",
];

/// Start of a print in Unix seconds, and its maximum length in seconds.
type Slot = (f64, f64);

impl Generated {
    /// `now` is the start of the simulation, in Unix seconds.
    pub(crate) fn new(past: PastPrints, seed: u64, version: Version, now: f64) -> Self {
        let seconds = past.days * 86_400.0;
        #[expect(clippy::cast_precision_loss, reason = "no printer makes that many prints")]
        let spacing = seconds / past.count.max(1) as f64;
        Self {
            seed,
            first_id: version.first_job_id(),
            count: past.count,
            begins: now - seconds,
            spacing,
            favourites: usize::try_from(past.count / 400).unwrap_or(usize::MAX).max(2),
            version,
        }
    }

    pub(crate) fn ids(&self) -> Range<u64> {
        self.first_id..self.first_id + self.count
    }

    pub(crate) fn row(&self, id: u64) -> Option<Row> {
        if !self.ids().contains(&id) {
            return None;
        }
        let place = id - self.first_id;
        let slot = usize::try_from(place % BLOCK).ok()?;
        Some(self.row_in(id, self.block(place / BLOCK)[slot]))
    }

    /// All rows in order. Gives the same rows as [`row`](Self::row), but faster.
    pub(crate) fn into_rows(self) -> impl Iterator<Item = Row> {
        (0..self.count.div_ceil(BLOCK)).flat_map(move |number| {
            let ids = self.first_id + number * BLOCK..self.ids().end;
            let rows = ids.zip(self.block(number));
            rows.map(|(id, slot)| self.row_in(id, slot)).collect::<Vec<_>>()
        })
    }

    /// Starts and lengths of the prints of a block. No print reaches into the next block, and the last block ends
    /// now.
    fn block(&self, number: u64) -> Vec<Slot> {
        let mut random = Random::of(self.seed ^ 0x0B10_C4ED, number);
        let first = number * BLOCK;
        let count = BLOCK.min(self.count - first);
        let mut shares = |spread: f64| {
            let mut shares: Vec<f64> = (0..count).map(|_| (spread * random.normal()).exp()).collect();
            let sum: f64 = shares.iter().sum();
            shares.iter_mut().for_each(|share| *share /= sum);
            shares
        };
        let (prints, pauses) = (shares(SPREAD), shares(1.0));
        #[expect(clippy::cast_precision_loss, reason = "no printer makes that many prints")]
        let (length, mut begin) = (
            count as f64 * self.spacing,
            self.begins + first as f64 * self.spacing,
        );
        let shortest = (self.spacing * 0.3).min(60.0);
        let planned = |print: f64| (shortest + print * BUSY * length).min(LONGEST);
        let idle = length - prints.iter().copied().map(planned).sum::<f64>();
        let slots = prints.into_iter().map(planned).zip(pauses);
        slots
            .map(|(planned, pause)| {
                let slot = (begin + 0.5 * pause * idle, planned);
                begin += planned + pause * idle;
                slot
            })
            .collect()
    }

    fn row_in(&self, id: u64, (start_time, longest): Slot) -> Row {
        let mut random = Random::of(self.seed, id);
        let file = self.file(&mut random, start_time, longest / SLOWEST);
        let planned = file.plan.warmup + file.plan.printing;
        let status = *random.pick(&STATUSES);
        let share = if status == "completed" {
            1.0
        } else {
            random.between(0.02..0.95)
        };
        let whole = planned * random.between(0.93..SLOWEST);
        let total = whole * share;
        let (end_time, print_duration, total_duration, filament_used) = match status {
            // Killed: the row keeps the values it had at its start.
            "interrupted" => (None, 0.0, 0.24, 0.0),
            _ => {
                let print_duration = (total - file.plan.warmup).max(0.0);
                let filament = file.plan.filament * (print_duration / (whole - file.plan.warmup));
                (Some(start_time + total), print_duration, total, filament)
            }
        };
        let status = match (status, self.version) {
            ("interrupted", Version::V0_8) => "in_progress",
            (status, _) => status,
        };
        Row {
            user: "_TRUSTED_USER_",
            filename: file.name,
            status,
            start_time,
            end_time,
            print_duration,
            total_duration,
            filament_used,
            metadata: Some(Arc::new(file.metadata)),
            auxiliary_data: auxiliary_data(&mut random),
        }
    }

    /// A file for a print of this length, often a frequently printed one of about that length.
    fn file(&self, random: &mut Random, start_time: f64, seconds: f64) -> SlicedFile {
        if !random.chance(REPRINTS) {
            let modified = start_time - random.between(60.0..5_000.0);
            return catalog::sliced_file(random, seconds, modified);
        }
        let length = (seconds.ln() * 3.0).floor();
        // Favours low numbers: some files are printed much more often than others.
        let favourite = random.below(self.favourites).min(random.below(self.favourites));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small, and any number will do"
        )]
        let mut of_file = Random::of(
            self.seed ^ 0x0F11_E5ED,
            (favourite as u64) << 8 ^ length as i64 as u64,
        );
        let modified = self.begins - of_file.between(60.0..5_000_000.0);
        catalog::sliced_file(&mut of_file, (length / 3.0).exp(), modified)
    }

    /// Sums over the ended rows, in the order of Moonraker's totals. In a long history they are estimated from a
    /// sample of about a thousand rows.
    pub(crate) fn totals(&self) -> [f64; 6] {
        let step = self.count.div_ceil(1000).max(1);
        let mut sums = [0.0; 6];
        for row in self
            .ids()
            .step_by(usize::try_from(step).unwrap_or(usize::MAX))
            .filter_map(|id| self.row(id))
        {
            if row.end_time.is_none() {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "at most the number of prints")]
            let weight = step as f64;
            sums[0] += weight;
            sums[1] += row.total_duration * weight;
            sums[2] += row.print_duration * weight;
            sums[3] += row.filament_used * weight;
            sums[4] = sums[4].max(row.total_duration);
            sums[5] = sums[5].max(row.print_duration);
        }
        sums
    }
}

/// Auxiliary data that Moonraker's Spoolman component adds on some printers.
fn auxiliary_data(random: &mut Random) -> Value {
    if random.chance(0.5) {
        return json!([]);
    }
    json!([{
        "provider": "spoolman", "name": "spool_ids", "value": [1 + random.below(12)],
        "description": "Spool IDs used", "units": null,
    }])
}
