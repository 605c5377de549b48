//! How Moonraker derives jobs from its view of the print.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Model;
use crate::{
    Version,
    history::{self, Row},
    job_state::{JobEvent, Stats},
    moonraker::{CurrentJob, NO_USER, notification},
};

impl Model {
    pub(super) fn job_event(&mut self, now: f64, event: JobEvent, before: &Stats) {
        let Some(after) = self
            .moonraker
            .as_ref()
            .and_then(|moonraker| moonraker.stats.clone())
        else {
            return;
        };
        match event {
            JobEvent::Started => {
                if self
                    .moonraker
                    .as_ref()
                    .is_some_and(|moonraker| moonraker.current.is_some())
                {
                    self.finish_job(now, "cancelled", before);
                }
                self.add_job(now, &after);
            }
            JobEvent::Complete => self.finish_job(now, "completed", &after),
            JobEvent::Error => self.finish_job(now, "error", &after),
            // 0.8 used the last values; later versions use the previous ones.
            JobEvent::Cancelled if self.config.version == Version::V0_8 => {
                self.finish_job(now, "cancelled", &after);
            }
            JobEvent::Cancelled | JobEvent::Standby => self.finish_job(now, "cancelled", before),
            JobEvent::Paused | JobEvent::Resumed => {}
        }
    }

    fn add_job(&mut self, now: f64, stats: &Stats) {
        let metadata = self.metadata(&stats.filename);
        let Some(moonraker) = &mut self.moonraker else {
            return;
        };
        let mut row = Row {
            user: moonraker.user,
            filename: String::new(),
            status: "in_progress",
            start_time: self.clock.wall(now),
            end_time: None,
            print_duration: 0.0,
            total_duration: 0.0,
            filament_used: 0.0,
            metadata: Some(metadata),
            auxiliary_data: json!([]),
        };
        row.update(stats);
        let id = self.history.add(self.config.version, row.clone());
        if let Some(run) = self.truth.last_mut() {
            run.job_ids.push(format!("{id:06X}"));
        }
        if let Some(file) = self.files.get_mut(&row.filename) {
            file.last_print = Some((row.start_time, format!("{id:06X}")));
        }
        moonraker.current = Some(CurrentJob { id, row });
        self.notify_job("added");
    }

    fn finish_job(&mut self, now: f64, status: &'static str, stats: &Stats) {
        let Some(moonraker) = &mut self.moonraker else {
            return;
        };
        let user = std::mem::replace(&mut moonraker.user, NO_USER);
        let Some(current) = &mut moonraker.current else {
            return;
        };
        let row = &mut current.row;
        // Otherwise the values were reset before the end and belong to another print.
        if stats.filename == row.filename && stats.total_duration >= row.total_duration {
            row.update(stats);
        }
        row.user = user;
        row.status = status;
        row.end_time = Some(self.clock.wall(now));
        let (id, filename) = (current.id, row.filename.clone());
        let metadata = self.metadata(&filename);
        let Some(current) = self
            .moonraker
            .as_mut()
            .and_then(|moonraker| moonraker.current.as_mut())
        else {
            return;
        };
        current.row.metadata = Some(metadata);
        self.history.finish(self.config.version, id, current.row.clone());
        self.notify_job("finished");
        if let Some(moonraker) = &mut self.moonraker {
            moonraker.current = None;
        }
    }

    pub(super) fn finish_with_last(&mut self, now: f64, status: &'static str) {
        if let Some(stats) = self
            .moonraker
            .as_ref()
            .and_then(|moonraker| moonraker.stats.clone())
        {
            self.finish_job(now, status, &stats);
        }
    }

    fn notify_job(&mut self, action: &str) {
        let Some(current) = self
            .moonraker
            .as_ref()
            .and_then(|moonraker| moonraker.current.as_ref())
        else {
            return;
        };
        let exists = self.exists(&current.row);
        if let Ok(job) = history::job(self.config.version, current.id, &current.row, exists) {
            let params = json!([{ "action": action, "job": job }]);
            let text = notification("notify_history_changed", Some(&params));
            self.connections.notify_history(text, &mut self.random);
        }
    }

    fn metadata(&self, filename: &str) -> Arc<Value> {
        self.files
            .get(filename)
            .map_or_else(|| Arc::new(json!({})), |file| Arc::clone(&file.metadata))
    }

    pub(crate) fn exists(&self, row: &Row) -> bool {
        let modified = row
            .metadata
            .as_ref()
            .and_then(|metadata| metadata["modified"].as_f64());
        self.files.has(&row.filename, modified)
    }
}
