//! A history from before the simulation, of any length: each row is made up when it is asked for.

use std::{ops::Range, sync::Arc};

use serde_json::{Value, json};

use crate::{Version, catalog, dice::Dice, history::Row};

/// What happened before the simulation began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastPrints {
    /// How many.
    pub count: u64,
    /// Over how many days before the simulation began they are spread.
    pub days: f64,
}

/// The rows of [`PastPrints`].
#[derive(Debug, Clone)]
pub(crate) struct Generated {
    seed: u64,
    first_id: u64,
    count: u64,
    /// Unix seconds of the first start.
    begins: f64,
    /// Seconds from one start to the next.
    spacing: f64,
    version: Version,
}

/// How prints end, out of 20.
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

impl Generated {
    /// `now` is the simulation's begin in Unix seconds.
    pub(crate) fn new(past: PastPrints, seed: u64, version: Version, now: f64) -> Self {
        let seconds = past.days * 86_400.0;
        #[expect(clippy::cast_precision_loss, reason = "nobody makes that many prints")]
        let spacing = seconds / past.count.max(1) as f64;
        Self {
            seed,
            first_id: version.first_job_id(),
            count: past.count,
            begins: now - seconds,
            spacing,
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
        let mut dice = Dice::of(self.seed, id);
        #[expect(clippy::cast_precision_loss, reason = "nobody makes that many prints")]
        let place = (id - self.first_id) as f64;
        let start_time = self.begins + self.spacing * (place + dice.between(0.0..0.2));
        // Most prints are short, some take a day; none reaches into the next.
        let longest = (self.spacing * 0.75).min(36.0 * 3600.0);
        let planned = (longest * dice.unit().powi(2)).max(longest.min(60.0));
        let modified = start_time - dice.between(60.0..5_000.0);
        let file = catalog::sliced_file(&mut dice, planned, modified);
        let status = *dice.pick(&STATUSES);
        let share = if status == "completed" {
            1.0
        } else {
            dice.between(0.02..0.95)
        };
        let total = planned * share;
        let (end_time, print_duration, total_duration, filament_used) = match status {
            // Killed: what the row said at its start.
            "interrupted" => (None, 0.0, 0.24, 0.0),
            _ => {
                let print_duration = (total - file.plan.warmup).max(0.0);
                let filament = file.plan.filament * (print_duration / file.plan.printing);
                (Some(start_time + total), print_duration, total, filament)
            }
        };
        let status = match (status, self.version) {
            ("interrupted", Version::V0_8) => "in_progress",
            (status, _) => status,
        };
        Some(Row {
            user: "_TRUSTED_USER_",
            filename: file.name,
            status,
            start_time,
            end_time,
            print_duration,
            total_duration,
            filament_used,
            metadata: Some(Arc::new(file.metadata)),
            auxiliary_data: auxiliary_data(&mut dice),
        })
    }

    /// Sums over the ended rows, in the order of Moonraker's totals. Not of every row, for long histories: a
    /// thousand of them stand for all.
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

/// What Spoolman's part of Moonraker adds on some printers.
fn auxiliary_data(dice: &mut Dice) -> Value {
    if dice.chance(0.5) {
        return json!([]);
    }
    json!([{
        "provider": "spoolman", "name": "spool_ids", "value": [1 + dice.below(12)],
        "description": "Spool IDs used", "units": null,
    }])
}
