//! Moonraker's print history: rows, ids and listing.
//!
//! Source: `moonraker/components/history.py` of 0.8.0 and 0.11.0.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{Version, generated::Generated, job_state::Stats, moonraker::NO_USER};

/// One job in the history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) user: &'static str,
    pub(crate) filename: String,
    pub(crate) status: &'static str,
    pub(crate) start_time: f64,
    pub(crate) end_time: Option<f64>,
    pub(crate) print_duration: f64,
    pub(crate) total_duration: f64,
    pub(crate) filament_used: f64,
    /// `None` for NULL, which some external tools write and which makes Moonraker's requests fail.
    pub(crate) metadata: Option<Arc<Value>>,
    pub(crate) auxiliary_data: Value,
}

impl Row {
    pub(crate) fn update(&mut self, stats: &Stats) {
        stats.filename.clone_into(&mut self.filename);
        self.print_duration = stats.print_duration;
        self.total_duration = stats.total_duration;
        self.filament_used = stats.filament_used;
    }
}

/// The history as stored in the database. Survives a restart of Moonraker.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Rows from before the simulation, generated on demand.
    generated: Option<Generated>,
    deleted: BTreeSet<u64>,
    /// Rows whose metadata is NULL, as some external tools write it.
    spoiled: BTreeSet<u64>,
    rows: BTreeMap<u64, Row>,
    /// Moonraker 0.8 counts ids in memory; later versions take the highest id plus one.
    next_id: Option<u64>,
    totals: Totals,
}

#[derive(Debug, Default, Clone, Copy)]
struct Totals {
    jobs: f64,
    time: f64,
    print_time: f64,
    filament: f64,
    longest_job: f64,
    longest_print: f64,
}

/// Why a history request fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HistoryError {
    pub(crate) code: i64,
    pub(crate) message: String,
}

impl HistoryError {
    pub(crate) fn new(code: i64, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

/// Parameters of `server.history.list`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListQuery {
    pub(crate) start: usize,
    /// Maximum number of rows. 0 or less means all.
    pub(crate) limit: i64,
    pub(crate) since: Option<f64>,
    pub(crate) before: Option<f64>,
    pub(crate) descending: bool,
}

impl History {
    pub(crate) fn generated(generated: Generated) -> Self {
        let totals = generated.totals();
        let totals = Totals {
            jobs: totals[0],
            time: totals[1],
            print_time: totals[2],
            filament: totals[3],
            longest_job: totals[4],
            longest_print: totals[5],
        };
        Self {
            generated: Some(generated),
            totals,
            ..Self::default()
        }
    }

    /// The newest rows from before the simulation, oldest first.
    pub(crate) fn newest(&self, count: usize) -> Vec<Row> {
        let Some(generated) = &self.generated else {
            return Vec::new();
        };
        let newest = generated.ids().rev().take(count);
        let mut rows: Vec<Row> = newest.filter_map(|id| generated.row(id)).collect();
        rows.reverse();
        rows
    }

    pub(crate) fn add(&mut self, version: Version, row: Row) -> u64 {
        let id = match (version, self.next_id) {
            (Version::V0_8, Some(next)) => next,
            _ => self.highest_id().map_or(version.first_job_id(), |id| id + 1),
        };
        self.next_id = Some(id + 1);
        self.rows.insert(id, row);
        self.deleted.remove(&id);
        id
    }

    /// Stores the end of a job. Except in 0.8, this restores a job that was deleted while it ran.
    pub(crate) fn finish(&mut self, version: Version, id: u64, row: Row) {
        self.totals.jobs += 1.0;
        self.totals.time += row.total_duration;
        self.totals.print_time += row.print_duration;
        self.totals.filament += row.filament_used;
        self.totals.longest_job = self.totals.longest_job.max(row.total_duration);
        self.totals.longest_print = self.totals.longest_print.max(row.print_duration);
        if version > Version::V0_8 || self.rows.contains_key(&id) {
            self.deleted.remove(&id);
            self.rows.insert(id, row);
        }
    }

    /// Applies what Moonraker does to its history at startup.
    pub(crate) fn open(&mut self, version: Version) {
        self.next_id = None;
        if version == Version::V0_8 {
            return;
        }
        for row in self.rows.values_mut().filter(|row| row.status == "in_progress") {
            row.status = "interrupted";
        }
    }

    /// Applies the migration from 0.8: ids are renumbered from 1, and jobs without an end become interrupted, with end 0.
    pub(crate) fn migrate_from_0_8(&mut self) {
        let rows: Vec<Row> = self.ids().filter_map(|id| self.row(id)).collect();
        let migrated = rows.into_iter().map(|row| Row {
            user: NO_USER,
            status: if row.status == "in_progress" {
                "interrupted"
            } else {
                row.status
            },
            end_time: Some(row.end_time.unwrap_or(0.0)),
            auxiliary_data: json!([]),
            ..row
        });
        *self = Self {
            rows: (1..).zip(migrated).collect(),
            totals: self.totals,
            ..Self::default()
        };
    }

    pub(crate) fn delete(&mut self, id: u64) -> bool {
        let known = self.ids().any(|known| known == id);
        self.rows.remove(&id);
        self.deleted.insert(id);
        known
    }

    pub(crate) fn delete_all(&mut self) -> Vec<u64> {
        let ids = self.ids().collect();
        *self = Self {
            totals: self.totals,
            ..Self::default()
        };
        ids
    }

    /// Resets the history to an empty database, including the totals.
    pub(crate) fn wipe(&mut self) {
        *self = Self::default();
    }

    /// Sets the metadata of a row to NULL, as some external tools do.
    pub(crate) fn corrupt(&mut self, id: u64) -> bool {
        let known = self.row(id).is_some();
        self.spoiled.insert(id);
        known
    }

    pub(crate) fn reset_totals(&mut self) {
        self.totals = Totals::default();
    }

    pub(crate) fn totals(&self, version: Version) -> Value {
        let Totals {
            jobs,
            time,
            print_time,
            filament,
            longest_job,
            longest_print,
        } = self.totals;
        let job_totals = json!({
            "total_jobs": jobs, "total_time": time, "total_print_time": print_time, "total_filament_used": filament,
            "longest_job": longest_job, "longest_print": longest_print,
        });
        match version {
            Version::V0_8 => json!({ "job_totals": job_totals }),
            _ => json!({ "job_totals": job_totals, "auxiliary_totals": [] }),
        }
    }

    pub(crate) fn row(&self, id: u64) -> Option<Row> {
        let own = self.rows.get(&id).cloned();
        let generated = || {
            self.generated
                .as_ref()
                .filter(|_| !self.deleted.contains(&id))?
                .row(id)
        };
        let mut row = own.or_else(generated)?;
        if self.spoiled.contains(&id) {
            row.metadata = None;
        }
        Some(row)
    }

    pub(crate) fn list(
        &self,
        version: Version,
        query: ListQuery,
        exists: impl Fn(&Row) -> bool,
    ) -> Result<Value, HistoryError> {
        let filtered = query.since.is_some() || query.before.is_some();
        let mut broken = None;
        let mut matches = |id: &u64| {
            if !filtered {
                return true;
            }
            let Some(row) = self.row(*id) else { return false };
            let before = match (query.before, row.end_time) {
                (Some(before), Some(end)) => end < before,
                (Some(_), None) => {
                    broken = Some("'<' not supported between instances of 'NoneType' and 'float'");
                    false
                }
                (None, _) => true,
            };
            before && query.since.is_none_or(|since| row.start_time > since)
        };
        let ids: Vec<u64> = match query.descending {
            true => self.ids().rev().filter(&mut matches).collect(),
            false => self.ids().filter(&mut matches).collect(),
        };
        if let (Version::V0_8, Some(broken)) = (version, broken) {
            return Err(HistoryError::new(version.internal_error(), broken));
        }
        let (start, limit) = match usize::try_from(query.limit) {
            Ok(limit) if limit > 0 => (query.start, limit),
            _ => (0, usize::MAX),
        };
        let mut jobs = Vec::new();
        for &id in ids.iter().skip(start).take(limit) {
            let Some(row) = self.row(id) else { continue };
            jobs.push(job(version, id, &row, exists(&row))?);
        }
        let count = if version == Version::V0_8 {
            ids.len()
        } else {
            jobs.len()
        };
        Ok(json!({ "count": count, "jobs": jobs }))
    }

    /// Number of rows.
    pub(crate) fn count(&self) -> usize {
        self.ids().count()
    }

    /// All ids in ascending order. Rows of this simulation always have higher ids than the remaining generated ones.
    fn ids(&self) -> impl DoubleEndedIterator<Item = u64> {
        let generated = self.generated.as_ref().map_or(0..0, Generated::ids);
        generated
            .filter(|id| !self.deleted.contains(id) && !self.rows.contains_key(id))
            .chain(self.rows.keys().copied())
    }

    fn highest_id(&self) -> Option<u64> {
        self.ids().next_back()
    }
}

/// A job id as Moonraker formats it.
pub(crate) fn job_id(id: u64) -> String {
    format!("{id:06X}")
}

/// A job as Moonraker reports it.
pub(crate) fn job(version: Version, id: u64, row: &Row, exists: bool) -> Result<Value, HistoryError> {
    let Some(metadata) = &row.metadata else {
        return Err(HistoryError::new(
            version.internal_error(),
            "'NoneType' object has no attribute 'get'",
        ));
    };
    let mut job = json!({
        "job_id": job_id(id),
        "filename": row.filename,
        "status": row.status,
        "start_time": row.start_time,
        "end_time": row.end_time,
        "print_duration": row.print_duration,
        "total_duration": row.total_duration,
        "filament_used": row.filament_used,
        "metadata": **metadata,
        "exists": exists,
    });
    if version > Version::V0_8 {
        job["user"] = row.user.into();
        job["auxiliary_data"] = row.auxiliary_data.clone();
    }
    Ok(job)
}

/// Ways in which a history misbehaves, to test that the client does not trust it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryFault {
    /// The list never ends: every page is full. Each row has this many bytes of padding.
    NoEnd(usize),
    /// The parameter `start` is ignored.
    IgnoresStart,
    /// The metadata of each row has this many additional bytes.
    LargeMetadata(usize),
    /// The file name of each row has this many bytes.
    LongNames(usize),
}

impl HistoryFault {
    /// The requested rows of an endless history.
    pub(crate) fn endless(bytes: usize, start: usize, limit: usize, wall_clock: f64) -> Value {
        let jobs: Vec<Value> = (start..start + limit)
            .map(|number| {
                #[expect(clippy::cast_precision_loss, reason = "a time")]
                let start_time = wall_clock - 100.0 * number as f64;
                json!({
                    "job_id": format!("{:06X}", 0x7F_FFFF - number), "filename": "endless.gcode", "status": "completed",
                    "start_time": start_time, "end_time": start_time + 50.0, "print_duration": 40.0,
                    "total_duration": 50.0, "filament_used": 100.0, "exists": false, "auxiliary_data": [],
                    "metadata": { "filler": "x".repeat(bytes) },
                })
            })
            .collect();
        json!({ "count": jobs.len(), "jobs": jobs })
    }

    /// Applies the fault to the rows of a response.
    pub(crate) fn corrupt(self, answer: &mut Value) {
        let rows = answer["jobs"].as_array_mut().into_iter().flatten();
        for row in rows {
            match self {
                Self::LargeMetadata(bytes) => row["metadata"]["filler"] = "x".repeat(bytes).into(),
                Self::LongNames(bytes) => row["filename"] = "n".repeat(bytes).into(),
                Self::NoEnd(_) | Self::IgnoresStart => {}
            }
        }
    }
}
