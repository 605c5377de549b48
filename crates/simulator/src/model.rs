//! One printer: its host's clock, Klippy, Moonraker, and what happens between them. No sockets.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    Faults, PastPrints, PrintPlan, SlicedFile, Version,
    clock::Clock,
    connections::{Connections, Out},
    dice::Dice,
    files::Files,
    generated::Generated,
    history::{self, History, Row},
    job_state::{self, JobEvent, Stats},
    klippy::{Klippy, KlippyState},
    moonraker::{CurrentJob, KlippyLink, Moonraker, NO_USER, notification},
    truth::{Outcome, TrueRun},
};

/// Klippy's clock when the simulation begins, in seconds.
const EVENTTIME_AT_START: f64 = 4_000.0;
/// From Klippy's start until it is ready.
const KLIPPY_BOOT: f64 = 2.0;
/// From Moonraker's start until it finds Klippy.
const FINDS_KLIPPY: f64 = 0.5;
/// From Klippy's readiness until Moonraker says so.
const NOTICES_READY: f64 = 0.13;

/// What a printer is like.
#[derive(Debug, Clone)]
pub struct PrinterConfig {
    /// Of Moonraker.
    pub version: Version,
    /// The key that opens it. `None` if no key does.
    pub api_key: Option<String>,
    /// Whether it lets clients in without a key.
    pub trusted: bool,
    /// What its history holds when the simulation begins.
    pub past: PastPrints,
    /// Seconds there in a second here.
    pub time_scale: f64,
    /// Status updates in a second here, at most. Moonraker sends 4 in a second of its own.
    pub updates_per_second: f64,
    /// Its wall clock at the begin, in Unix seconds. `None` for the true one.
    pub wall_clock: Option<f64>,
    /// Disorder in its notifications.
    pub faults: Faults,
    /// Of everything random.
    pub seed: u64,
}

impl Default for PrinterConfig {
    fn default() -> Self {
        Self {
            version: Version::default(),
            api_key: None,
            trusted: true,
            past: PastPrints {
                count: 0,
                days: 180.0,
            },
            time_scale: 1.0,
            updates_per_second: 4.0,
            wall_clock: None,
            faults: Faults::default(),
            seed: 0,
        }
    }
}

/// Something that will happen by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planned {
    /// Moonraker finds a Klippy that runs.
    FindKlippy,
    /// Klippy has started.
    KlippyReady,
    /// Moonraker notices that Klippy is ready.
    NoticeReady,
}

/// Why a printer did not do what it was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

pub(crate) struct Model {
    pub(crate) config: PrinterConfig,
    pub(crate) clock: Clock,
    pub(crate) dice: Dice,
    pub(crate) klippy: Option<Klippy>,
    pub(crate) moonraker: Option<Moonraker>,
    pub(crate) history: History,
    pub(crate) files: Files,
    pub(crate) truth: Vec<TrueRun>,
    pub(crate) connections: Connections,
    agenda: Vec<(f64, Planned)>,
    /// With the next update.
    notices_ready: bool,
    /// A print that shall start in the moment that Moonraker misses.
    unnoticed_start: Option<(String, PrintPlan)>,
    ticks: u64,
}

impl Model {
    /// A printer that has been on for a while: Klippy is ready, and Moonraker knows it.
    pub(crate) fn new(config: PrinterConfig) -> Self {
        let clock = Clock::start(config.time_scale, config.updates_per_second, config.wall_clock);
        let history = match config.past.count {
            0 => History::default(),
            _ => History::generated(Generated::new(
                config.past,
                config.seed,
                config.version,
                clock.wall(0.0),
            )),
        };
        let mut klippy = Klippy::starting(0.0);
        klippy.become_ready();
        let mut moonraker = Moonraker::new();
        moonraker.link = KlippyLink::Connected;
        moonraker.told = klippy.status();
        moonraker.told_at = EVENTTIME_AT_START;
        moonraker.stats = Some(Stats {
            state: "standby".to_owned(),
            ..Stats::default()
        });
        moonraker.updates_since_ready = u32::MAX / 2;
        Self {
            connections: Connections::new(config.faults),
            dice: Dice::new(config.seed),
            klippy: Some(klippy),
            moonraker: Some(moonraker),
            history,
            files: Files::default(),
            truth: Vec::new(),
            agenda: Vec::new(),
            notices_ready: false,
            unnoticed_start: None,
            ticks: 0,
            clock,
            config,
        }
    }

    /// One status interval of Moonraker.
    pub(crate) fn tick(&mut self) {
        self.clock.update();
        let now = self.catch_up();
        self.tell_changes(now);
        if std::mem::take(&mut self.notices_ready) {
            self.notice_ready();
        }
        self.connections.release_late();
        self.ticks += 1;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some ticks a second"
        )]
        let second = (self.config.updates_per_second.round() as u64).max(1);
        if self.ticks.is_multiple_of(second) && self.moonraker.is_some() {
            let stats = self.proc_stats(now);
            self.tell("notify_proc_stat_update", Some(&json!([stats])));
        }
    }

    /// Lets everything happen that is due, and returns the time.
    pub(crate) fn catch_up(&mut self) -> f64 {
        let now = self.clock.now();
        while let Some(place) = self.next_planned(now) {
            let (at, planned) = self.agenda.remove(place);
            self.print_on(at);
            self.happens(at, planned);
        }
        self.print_on(now);
        now
    }

    fn next_planned(&self, now: f64) -> Option<usize> {
        let due = self.agenda.iter().enumerate().filter(|(_, (at, _))| *at <= now);
        due.min_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b))
            .map(|(place, _)| place)
    }

    fn print_on(&mut self, now: f64) {
        if let Some(klippy) = &mut self.klippy {
            klippy.advance(now, |at| self.clock.wall(at), &mut self.truth, &mut self.dice);
        }
    }

    fn happens(&mut self, now: f64, planned: Planned) {
        let state = self.klippy_state();
        let Some(klippy) = &mut self.klippy else {
            return;
        };
        match planned {
            Planned::KlippyReady => {
                klippy.become_ready();
                self.agenda.push((now + NOTICES_READY, Planned::NoticeReady));
            }
            Planned::FindKlippy => {
                let Some(moonraker) = &mut self.moonraker else {
                    return;
                };
                moonraker.link = KlippyLink::Connected;
                moonraker.told = klippy.status();
                moonraker.told_at = EVENTTIME_AT_START + now;
                if state == Some(KlippyState::Ready) {
                    self.agenda
                        .push((now + 2.0 * NOTICES_READY, Planned::NoticeReady));
                }
            }
            Planned::NoticeReady => self.notices_ready = true,
        }
    }

    /// Moonraker looks at Klippy anew, with the rhythm of the status updates.
    fn notice_ready(&mut self) {
        let (Some(klippy), Some(moonraker)) = (&self.klippy, &mut self.moonraker) else {
            return;
        };
        let connected = moonraker.link == KlippyLink::Connected && klippy.state == KlippyState::Ready;
        if !connected || moonraker.stats.is_some() {
            return;
        }
        // What the print is like now is a state, and no event.
        let mut stats = Stats::default();
        if let Some(object) = moonraker.told.object("print_stats") {
            stats.update(object);
        }
        moonraker.stats = Some(stats);
        moonraker.updates_since_ready = 0;
        self.tell("notify_klippy_ready", None);
    }

    /// Tells the clients what changed, and makes Moonraker's own history of it.
    fn tell_changes(&mut self, now: f64) {
        let Some(klippy) = &mut self.klippy else { return };
        let Some(moonraker) = self
            .moonraker
            .as_mut()
            .filter(|moonraker| moonraker.link == KlippyLink::Connected)
        else {
            return;
        };
        let said = std::mem::take(&mut klippy.said);
        let shut_down = klippy.state == KlippyState::Shutdown && !moonraker.told_shutdown;
        let status = klippy.status();
        let delta = status.since(&moonraker.told);
        moonraker.told = status;
        moonraker.told_at = EVENTTIME_AT_START + now;
        let eventtime = moonraker.told_at;
        for line in said {
            self.tell("notify_gcode_response", Some(&json!([line])));
        }
        self.connections.tell_status(&mut self.dice, |subscription| {
            let delta = delta.wanted(subscription)?;
            Some(format!(
                r#"{{"jsonrpc":"2.0","method":"notify_status_update","params":[{delta},{eventtime}]}}"#
            ))
        });
        let Some(moonraker) = &mut self.moonraker else {
            return;
        };
        let mut events = Vec::new();
        let mut before = Stats::default();
        if let Some(stats) = &mut moonraker.stats {
            moonraker.updates_since_ready = moonraker.updates_since_ready.saturating_add(1);
            // Just then Moonraker subscribes to something else, and one update of its own gets lost.
            let missed = self.config.version >= Version::V0_10 && moonraker.updates_since_ready == 2;
            if let (Some(delta), false) = (delta.object("print_stats"), missed) {
                before = stats.clone();
                stats.update(delta);
                events = job_state::events(&before, stats, delta);
            }
        }
        let starts_unnoticed = moonraker.stats.is_some() && moonraker.updates_since_ready == 1;
        if shut_down {
            moonraker.told_shutdown = true;
            self.tell("notify_klippy_shutdown", None);
            self.finish_with_last(now, "klippy_shutdown");
        }
        for event in events {
            self.job_event(now, event, &before);
        }
        if starts_unnoticed && let Some((filename, plan)) = self.unnoticed_start.take() {
            // Refused only if something else happened meanwhile, which is then the truth.
            let _ = self.start_in_klippy(now, &filename, Some(plan));
        }
    }

    fn job_event(&mut self, now: f64, event: JobEvent, before: &Stats) {
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
            // 0.8 took the last values, later versions those before.
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
        self.tell_job("added");
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
        // Otherwise they were reset before the end, and belong to another print.
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
        self.tell_job("finished");
        if let Some(moonraker) = &mut self.moonraker {
            moonraker.current = None;
        }
    }

    fn finish_with_last(&mut self, now: f64, status: &'static str) {
        if let Some(stats) = self
            .moonraker
            .as_ref()
            .and_then(|moonraker| moonraker.stats.clone())
        {
            self.finish_job(now, status, &stats);
        }
    }

    fn tell_job(&mut self, action: &str) {
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
            self.connections.tell_history(text, &mut self.dice);
        }
    }

    pub(crate) fn tell(&mut self, method: &str, params: Option<&Value>) {
        self.connections
            .tell(notification(method, params), &mut self.dice);
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

    pub(crate) fn klippy_state(&self) -> Option<KlippyState> {
        self.klippy.as_ref().map(|klippy| klippy.state)
    }

    pub(crate) fn proc_stats(&self, now: f64) -> Value {
        json!({
            "moonraker_stats":
                { "time": self.clock.wall(now), "cpu_usage": 2.5, "memory": 51_412, "mem_units": "kB" },
            "cpu_temp": 48.2,
            "network": { "lo": { "rx_bytes": 1_631_811_419_u64, "tx_bytes": 1_631_811_419_u64, "bandwidth": 11_125.5 } },
            "system_cpu_usage": { "cpu": 11.2, "cpu0": 12.1, "cpu1": 10.3 },
            "system_memory": { "total": 949_444, "available": 512_000, "used": 437_444 },
            "websocket_connections": self.connections.list.len(),
        })
    }

    // What people and accidents do to it.

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

    /// Does something with the Klippy that is ready.
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
        self.tell("notify_klippy_disconnected", None);
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

    /// Restarts Klippy so that a print starts in the moment that Moonraker misses.
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

    pub(crate) fn add_file(&mut self, file: SlicedFile, content: Option<Arc<[u8]>>) {
        let (name, size, modified) = (
            file.name.clone(),
            file.metadata["size"].clone(),
            file.metadata["modified"].clone(),
        );
        self.files.insert(file, content);
        let item = json!({ "path": name, "root": "gcodes", "size": size, "modified": modified, "permissions": "rw" });
        self.tell(
            "notify_filelist_changed",
            Some(&json!([{ "action": "create_file", "item": item }])),
        );
    }

    pub(crate) fn remove_file(&mut self, name: &str) -> bool {
        let removed = self.files.remove(name);
        if removed {
            let item = json!({ "path": name, "root": "gcodes", "size": 0, "modified": 0, "permissions": "" });
            self.tell(
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
