//! One printer: the host's clock, Klippy, Moonraker, and the interaction between them. No sockets.

mod commands;
mod imports;
mod jobs;

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Faults, PastPrints, PrintPlan, SlicedFile, Version,
    clock::Clock,
    connections::Connections,
    files::Files,
    generated::Generated,
    history::{History, HistoryFault},
    job_state::{self, Stats},
    klippy::{Klippy, KlippyState},
    moonraker::{KlippyLink, Moonraker, notification},
    random::Random,
    truth::TrueRun,
};

/// Klippy's clock at the start of the simulation, in seconds.
const EVENTTIME_AT_START: f64 = 4_000.0;
/// Time from Klippy's start until it is ready, in seconds.
const KLIPPY_BOOT: f64 = 2.0;
/// Time from Moonraker's start until it finds Klippy, in seconds.
const FINDS_KLIPPY: f64 = 0.5;
/// Time from Klippy's readiness until Moonraker reports it, in seconds.
const NOTICES_READY: f64 = 0.13;

/// Configuration of a simulated printer.
#[derive(Debug, Clone)]
pub struct PrinterConfig {
    /// Version of Moonraker.
    pub version: Version,
    /// API key. `None` if no key is accepted.
    pub api_key: Option<String>,
    /// Whether clients are accepted without a key.
    pub trusted: bool,
    /// Prints in its history at the start of the simulation.
    pub past: PastPrints,
    /// Number of newest past prints whose file still exists.
    pub past_files: usize,
    /// Simulated seconds per real second.
    pub time_scale: f64,
    /// Maximum number of status updates per real second. A real Moonraker sends 4.
    pub updates_per_second: f64,
    /// Initial wall clock, in Unix seconds. `None` uses the real one.
    pub wall_clock: Option<f64>,
    /// Delivery faults of its notifications.
    pub faults: Faults,
    /// Pause between two bytes of a file. `None` sends files at full speed.
    pub file_pause: Option<Duration>,
    /// Seed of the random numbers.
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
            past_files: 0,
            time_scale: 1.0,
            updates_per_second: 4.0,
            wall_clock: None,
            faults: Faults::default(),
            file_pause: None,
            seed: 0,
        }
    }
}

/// A scheduled internal event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planned {
    /// Moonraker finds a running Klippy.
    FindKlippy,
    /// Klippy has started.
    KlippyReady,
    /// Moonraker notices that Klippy is ready.
    NoticeReady,
}

/// Why a printer rejected a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

pub(crate) struct Model {
    pub(crate) config: PrinterConfig,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) klippy: Option<Klippy>,
    pub(crate) moonraker: Option<Moonraker>,
    pub(crate) history: History,
    pub(crate) files: Files,
    pub(crate) truth: Vec<TrueRun>,
    pub(crate) connections: Connections,
    /// Method prefixes, each with the code and message of the refusal.
    pub(crate) refused: Vec<(String, i64, String)>,
    pub(crate) history_fault: Option<HistoryFault>,
    imports: imports::Imports,
    agenda: Vec<(f64, Planned)>,
    /// Whether Moonraker notices with the next update that Klippy is ready.
    notices_ready: bool,
    /// A print to start at the moment that Moonraker misses.
    unnoticed_start: Option<(String, PrintPlan)>,
    ticks: u64,
}

/// The files of the newest rows. Those of older rows count as deleted.
fn files_of(history: &History, count: usize) -> Files {
    let mut files = Files::default();
    for row in history.newest(count) {
        let Some(metadata) = row.metadata else { continue };
        let seconds = metadata["estimated_time"].as_f64().unwrap_or(60.0);
        let file = SlicedFile {
            name: row.filename,
            metadata: Value::clone(&metadata),
            plan: PrintPlan::lasting(seconds),
        };
        files.insert(file, None);
    }
    files
}

impl Model {
    /// A printer in normal operation: Klippy is ready and Moonraker connected to it.
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
        moonraker.sent = klippy.status();
        moonraker.sent_at = EVENTTIME_AT_START;
        moonraker.stats = Some(Stats {
            state: "standby".to_owned(),
            ..Stats::default()
        });
        moonraker.updates_since_ready = u32::MAX / 2;
        Self {
            connections: Connections::new(config.faults),
            random: Random::new(config.seed),
            klippy: Some(klippy),
            moonraker: Some(moonraker),
            files: files_of(&history, config.past_files),
            history,
            truth: Vec::new(),
            refused: Vec::new(),
            history_fault: None,
            imports: imports::Imports::default(),
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
        self.send_changes(now);
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
            self.notify("notify_proc_stat_update", Some(&json!([stats])));
        }
    }

    /// Executes all events that are due and returns the time.
    pub(crate) fn catch_up(&mut self) -> f64 {
        let now = self.clock.now();
        while let Some(place) = self.next_planned(now) {
            let (at, planned) = self.agenda.remove(place);
            self.advance_print(at);
            self.execute(at, planned);
        }
        self.advance_print(now);
        now
    }

    fn next_planned(&self, now: f64) -> Option<usize> {
        let due = self.agenda.iter().enumerate().filter(|(_, (at, _))| *at <= now);
        due.min_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b))
            .map(|(place, _)| place)
    }

    fn advance_print(&mut self, now: f64) {
        if let Some(klippy) = &mut self.klippy {
            klippy.advance(now, |at| self.clock.wall(at), &mut self.truth, &mut self.random);
        }
    }

    fn execute(&mut self, now: f64, planned: Planned) {
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
                moonraker.sent = klippy.status();
                moonraker.sent_at = EVENTTIME_AT_START + now;
                if state == Some(KlippyState::Ready) {
                    self.agenda
                        .push((now + 2.0 * NOTICES_READY, Planned::NoticeReady));
                }
            }
            Planned::NoticeReady => self.notices_ready = true,
        }
    }

    /// Moonraker notices at a status update that Klippy is ready.
    fn notice_ready(&mut self) {
        let (Some(klippy), Some(moonraker)) = (&self.klippy, &mut self.moonraker) else {
            return;
        };
        let connected = moonraker.link == KlippyLink::Connected && klippy.state == KlippyState::Ready;
        if !connected || moonraker.stats.is_some() {
            return;
        }
        // The current state of the print is a baseline, not an event.
        let mut stats = Stats::default();
        if let Some(object) = moonraker.sent.object("print_stats") {
            stats.update(object);
        }
        moonraker.stats = Some(stats);
        moonraker.updates_since_ready = 0;
        self.notify("notify_klippy_ready", None);
    }

    /// Sends the changes to the clients and updates Moonraker's history.
    fn send_changes(&mut self, now: f64) {
        let Some(klippy) = &mut self.klippy else { return };
        let Some(moonraker) = self
            .moonraker
            .as_mut()
            .filter(|moonraker| moonraker.link == KlippyLink::Connected)
        else {
            return;
        };
        let console = std::mem::take(&mut klippy.console);
        let shut_down = klippy.state == KlippyState::Shutdown && !moonraker.shutdown_sent;
        let status = klippy.status();
        let delta = status.since(&moonraker.sent);
        moonraker.sent = status;
        moonraker.sent_at = EVENTTIME_AT_START + now;
        let eventtime = moonraker.sent_at;
        for line in console {
            self.notify("notify_gcode_response", Some(&json!([line])));
        }
        self.connections.send_status(&mut self.random, |subscription| {
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
            // At this point Moonraker changes its subscription, and its own job tracking misses one update.
            let missed = self.config.version >= Version::V0_10 && moonraker.updates_since_ready == 2;
            if let (Some(delta), false) = (delta.object("print_stats"), missed) {
                before = stats.clone();
                stats.update(delta);
                events = job_state::events(&before, stats, delta);
            }
        }
        let starts_unnoticed = moonraker.stats.is_some() && moonraker.updates_since_ready == 1;
        if shut_down {
            moonraker.shutdown_sent = true;
            self.notify("notify_klippy_shutdown", None);
            self.finish_with_last(now, "klippy_shutdown");
        }
        for event in events {
            self.job_event(now, event, &before);
        }
        if starts_unnoticed && let Some((filename, plan)) = self.unnoticed_start.take() {
            // A refusal means that another event came first, which is then the true state.
            let _ = self.start_in_klippy(now, &filename, Some(plan));
        }
    }

    pub(crate) fn notify(&mut self, method: &str, params: Option<&Value>) {
        self.connections
            .notify(notification(method, params), &mut self.random);
    }

    /// Whether Moonraker has reported the current state of the print, or cannot.
    pub(crate) fn is_reported(&self) -> bool {
        let (Some(klippy), Some(moonraker)) = (&self.klippy, &self.moonraker) else {
            return true;
        };
        let state = moonraker
            .sent
            .object("print_stats")
            .and_then(|print| print.text("state"));
        moonraker.link != KlippyLink::Connected || state == Some(klippy.stats.state.as_str())
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
}
