//! Actions of users on a printer, and faults.

use std::sync::Arc;

use serde_json::json;

use super::{FINDS_KLIPPY, KLIPPY_BOOT, Model, Planned, Refused};
use crate::{
    PrintPlan, SlicedFile, Version,
    connections::Out,
    klippy::{Klippy, KlippyState},
    moonraker::{KlippyLink, Moonraker},
    truth::{Outcome, TrueRun},
};

impl Model {
    pub(crate) fn start_in_klippy(
        &mut self,
        now: f64,
        filename: &str,
        plan: Option<PrintPlan>,
    ) -> Result<(), Refused> {
        let wall = self.clock.wall(now);
        let Some(file) = self.files.get(filename) else {
            return Err(Refused("Unable to open file".to_owned()));
        };
        let plan = plan.unwrap_or_else(|| file.plan.clone());
        let size = file.size;
        let truth = &mut self.truth;
        let klippy = ready(self.klippy.as_mut())?;
        klippy
            .start(now, wall, filename, size, plan, truth)
            .map_err(|why| Refused(why.to_owned()))
    }

    /// Runs a command on Klippy, if it is ready.
    pub(crate) fn with_klippy(
        &mut self,
        act: impl FnOnce(&mut Klippy, f64, f64, &mut Vec<TrueRun>) -> Result<(), &'static str>,
    ) -> Result<(), Refused> {
        let now = self.catch_up();
        let wall = self.clock.wall(now);
        let klippy = ready(self.klippy.as_mut())?;
        act(klippy, now, wall, &mut self.truth).map_err(|why| Refused(why.to_owned()))
    }

    pub(crate) fn shut_down_klippy(&mut self, why: &str) {
        let now = self.catch_up();
        let wall = self.clock.wall(now);
        if let Some(klippy) = &mut self.klippy {
            klippy.shut_down(now, wall, why, &mut self.truth);
        }
    }

    pub(crate) fn end_klippy(&mut self, outcome: Outcome) {
        let now = self.catch_up();
        let wall = self.clock.wall(now);
        if let Some(mut klippy) = self.klippy.take() {
            klippy.die(now, wall, outcome, &mut self.truth);
        }
        self.agenda.retain(|(_, planned)| *planned == Planned::FindKlippy);
        let Some(moonraker) = &mut self.moonraker else {
            return;
        };
        if moonraker.link != KlippyLink::Connected {
            return;
        }
        self.notify("notify_klippy_disconnected", None);
        self.finish_with_last(now, "klippy_disconnect");
        if let Some(moonraker) = &mut self.moonraker {
            moonraker.lose_klippy();
        }
        self.connections.drop_subscriptions();
    }

    pub(crate) fn start_klippy(&mut self, broken_config: Option<&str>) {
        let now = self.catch_up();
        if self.klippy.is_some() {
            return;
        }
        let mut klippy = Klippy::starting(now);
        match broken_config {
            Some(why) => klippy.become_halted(why),
            None => self.agenda.push((now + KLIPPY_BOOT, Planned::KlippyReady)),
        }
        self.klippy = Some(klippy);
        if self.moonraker.is_some() {
            self.plan_to_find_klippy(now + FINDS_KLIPPY / 2.0);
        }
    }

    /// Restarts Klippy and starts a print at the moment that Moonraker misses.
    pub(crate) fn restart_into_print(&mut self, filename: &str, plan: PrintPlan) {
        self.end_klippy(Outcome::KlippyGone);
        self.unnoticed_start = Some((filename.to_owned(), plan));
        self.start_klippy(None);
    }

    pub(crate) fn kill_moonraker(&mut self) {
        self.catch_up();
        self.moonraker = None;
        self.agenda
            .retain(|(_, planned)| *planned == Planned::KlippyReady);
        self.connections.end_all(|| Out::Drop);
    }

    pub(crate) fn stop_moonraker(&mut self) {
        let now = self.catch_up();
        self.finish_with_last(now, "server_exit");
        self.moonraker = None;
        self.agenda
            .retain(|(_, planned)| *planned == Planned::KlippyReady);
        self.connections.end_all(|| Out::Close(1001, "Server Shutdown"));
    }

    pub(crate) fn start_moonraker(&mut self) {
        let now = self.catch_up();
        if self.moonraker.is_some() {
            return;
        }
        self.history.open(self.config.version);
        self.moonraker = Some(Moonraker::new());
        self.plan_to_find_klippy(now + FINDS_KLIPPY);
    }

    /// Stops Moonraker if it runs, and installs another version.
    pub(crate) fn upgrade_moonraker(&mut self, version: Version) {
        self.stop_moonraker();
        if self.config.version == Version::V0_8 && version > Version::V0_8 {
            self.history.migrate_from_0_8();
        }
        self.config.version = version;
    }

    pub(crate) fn add_file(&mut self, file: SlicedFile, content: Option<Arc<[u8]>>) {
        let (name, size, modified) = (
            file.name.clone(),
            file.metadata["size"].clone(),
            file.metadata["modified"].clone(),
        );
        self.files.insert(file, content);
        let item = json!({ "path": name, "root": "gcodes", "size": size, "modified": modified, "permissions": "rw" });
        self.notify(
            "notify_filelist_changed",
            Some(&json!([{ "action": "create_file", "item": item }])),
        );
    }

    pub(crate) fn remove_file(&mut self, name: &str) -> bool {
        let removed = self.files.remove(name);
        if removed {
            let item = json!({ "path": name, "root": "gcodes", "size": 0, "modified": 0, "permissions": "" });
            self.notify(
                "notify_filelist_changed",
                Some(&json!([{ "action": "delete_file", "item": item }])),
            );
        }
        removed
    }

    fn plan_to_find_klippy(&mut self, at: f64) {
        self.agenda.retain(|(_, planned)| *planned != Planned::FindKlippy);
        if self.klippy.is_some() {
            self.agenda.push((at, Planned::FindKlippy));
        }
    }
}

fn ready(klippy: Option<&mut Klippy>) -> Result<&mut Klippy, Refused> {
    match klippy {
        None => Err(Refused("Klippy Host not connected".to_owned())),
        Some(klippy) if klippy.state != KlippyState::Ready => Err(Refused(klippy.message.clone())),
        Some(klippy) => Ok(klippy),
    }
}
