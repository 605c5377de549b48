//! A printer to watch and to play with.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{
    Outcome, PrintPlan, PrinterConfig, Refused, SlicedFile, Traffic, TrueRun, Version, catalog,
    history::{self, HistoryFault, ListQuery},
    klippy::KlippyState,
    model::Model,
    moonraker::{KlippyLink, TRUSTED_USER},
    server::{Network, Shared},
};

/// A simulated printer behind a TCP port of its own on this machine. Ends when it is dropped.
///
/// Commands take effect at once; clients hear of them with the next status update, as with a real printer.
pub struct SimPrinter {
    shared: Shared,
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// How a printer stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PrinterView {
    /// `startup`, `ready`, `shutdown` or `error`. `None` if Klippy does not run.
    pub klippy: Option<&'static str>,
    /// `print_stats.state`. `None` if Klippy does not run.
    pub print: Option<&'static str>,
    /// Of `print_stats`; empty after a reset.
    pub filename: String,
    /// Whether Moonraker runs.
    pub moonraker: bool,
    /// Whether Moonraker has noticed that Klippy is ready.
    pub ready: bool,
    /// Whether Moonraker has told of the state of the print, or cannot.
    pub is_told: bool,
    /// Whether Moonraker believes that a job runs.
    pub job: bool,
    /// Clients connected.
    pub sockets: usize,
    /// Clients that have a subscription.
    pub subscriptions: usize,
}

impl SimPrinter {
    /// Starts a printer on a port; 0 for any that is free. Klippy is ready.
    ///
    /// # Errors
    /// If the port cannot be had.
    pub async fn start(config: PrinterConfig, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let updates = config.updates_per_second;
        let shared = Shared::new(Model::new(config));
        let tasks = [
            tokio::spawn(shared.clone().tick(updates)),
            tokio::spawn(shared.clone().listen(listener)),
        ];
        Ok(Self {
            shared,
            address,
            tasks,
        })
    }

    /// Where Moonraker is: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How it stands now.
    #[must_use]
    pub fn view(&self) -> PrinterView {
        let mut model = self.shared.model();
        model.catch_up();
        let moonraker = model.moonraker.as_ref();
        PrinterView {
            klippy: model.klippy_state().map(KlippyState::as_str),
            print: model.klippy.as_ref().map(|klippy| klippy.stats.state.as_str()),
            filename: model
                .klippy
                .as_ref()
                .map(|klippy| klippy.stats.filename.clone())
                .unwrap_or_default(),
            moonraker: moonraker.is_some(),
            ready: moonraker.is_some_and(|moonraker| {
                moonraker.link == KlippyLink::Connected && moonraker.stats.is_some()
            }),
            is_told: model.is_told(),
            job: moonraker.is_some_and(|moonraker| moonraker.current.is_some()),
            sockets: model.connections.list.len(),
            subscriptions: model.connections.subscriptions(),
        }
    }

    /// Waits until it stands as wanted.
    pub async fn wait_until(&self, wanted: impl Fn(&PrinterView) -> bool) {
        while !wanted(&self.view()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for so many seconds of the printer's own.
    pub async fn wait(&self, seconds: f64) {
        let end = self.now() + seconds;
        loop {
            let left = end - self.now();
            if left <= 0.0 {
                return;
            }
            let real = self.shared.model().clock.real(left);
            tokio::time::sleep(real.max(Duration::from_millis(1))).await;
        }
    }

    /// Makes the printer's time stand still: it answers, but nothing happens by itself.
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Lets time go on.
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// All prints since the simulation began, in order, as they really went.
    #[must_use]
    pub fn truth(&self) -> Vec<TrueRun> {
        let mut model = self.shared.model();
        model.catch_up();
        model.truth.clone()
    }

    /// The jobs of Moonraker's history, oldest first, as `server.history.list` gives them.
    #[must_use]
    pub fn history(&self) -> Vec<Value> {
        let model = self.shared.model();
        let query = ListQuery {
            start: 0,
            limit: 0,
            since: None,
            before: None,
            descending: false,
        };
        let listed = model
            .history
            .list(model.config.version, query, |row| model.exists(row));
        match listed.map(|mut listed| listed["jobs"].take()) {
            Ok(Value::Array(jobs)) => jobs,
            _ => Vec::new(),
        }
    }

    /// One job of Moonraker's history, as `server.history.get_job` gives it.
    #[must_use]
    pub fn history_job(&self, job_id: &str) -> Option<Value> {
        let model = self.shared.model();
        let id = u64::from_str_radix(job_id, 16).ok()?;
        let row = model.history.row(id)?;
        history::job(model.config.version, id, &row, model.exists(&row)).ok()
    }

    /// What went over its sockets.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.model().connections.counters.traffic()
    }

    /// Seconds since the simulation began, by the printer's own unfailing clock.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.shared.model().clock.now()
    }

    /// The wall clock of its host, in Unix seconds.
    #[must_use]
    pub fn wall_clock(&self) -> f64 {
        let model = self.shared.model();
        model.clock.wall(model.clock.now())
    }

    // Prints.

    /// Puts a file there. `content` are its bytes; `None` to make them up.
    pub fn add_file(&self, file: SlicedFile, content: Option<Vec<u8>>) {
        self.shared.model().add_file(file, content.map(Arc::from));
    }

    /// Removes a file, also in the middle of its print: its job then ends without metadata.
    pub fn remove_file(&self, name: &str) -> bool {
        self.shared.model().remove_file(name)
    }

    /// Starts a print as a front end does, of a file that is made up if it is not there.
    ///
    /// # Errors
    /// If Klipper refuses: it is not ready, or prints.
    pub fn start_print(&self, filename: &str, plan: PrintPlan) -> Result<(), Refused> {
        self.start_file(filename, plan, true)
    }

    /// Starts a print as a display does: Moonraker does not know by whom.
    ///
    /// # Errors
    /// As [`start_print`](Self::start_print).
    pub fn start_print_from_console(&self, filename: &str, plan: PrintPlan) -> Result<(), Refused> {
        self.start_file(filename, plan, false)
    }

    fn start_file(&self, filename: &str, plan: PrintPlan, by_api: bool) -> Result<(), Refused> {
        self.ensure_file(filename, &plan);
        let mut model = self.shared.model();
        let now = model.catch_up();
        model.start_in_klippy(now, filename, Some(plan))?;
        if let (true, Some(moonraker)) = (by_api, &mut model.moonraker) {
            moonraker.user = TRUSTED_USER;
        }
        Ok(())
    }

    /// Starts a file that is there, as its slicer planned it.
    ///
    /// # Errors
    /// As [`start_print`](Self::start_print), or if there is no such file.
    pub fn print_file(&self, filename: &str) -> Result<(), Refused> {
        self.shared.model().start_by_api(filename)
    }

    /// Restarts Klippy, and starts a print in the moment after it is ready that Moonraker 0.10 and later miss.
    pub fn restart_into_print(&self, filename: &str, plan: PrintPlan) {
        self.ensure_file(filename, &plan);
        self.shared.model().restart_into_print(filename, plan);
    }

    fn ensure_file(&self, filename: &str, plan: &PrintPlan) {
        let mut model = self.shared.model();
        if model.files.get(filename).is_some() {
            return;
        }
        let modified = model.clock.wall(model.clock.now());
        let mut file = catalog::sliced_file(&mut model.dice, plan.warmup + plan.printing, modified);
        filename.clone_into(&mut file.name);
        file.metadata["filament_total"] = plan.filament.into();
        file.plan = plan.clone();
        model.add_file(file, None);
    }

    /// Pauses the print.
    ///
    /// # Errors
    /// If none runs.
    pub fn pause(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, _, truth| klippy.pause(now, truth))
    }

    /// Resumes the paused print.
    ///
    /// # Errors
    /// If none is paused.
    pub fn resume(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, _, _| klippy.resume(now))
    }

    /// Cancels the print.
    ///
    /// # Errors
    /// If there is none.
    pub fn cancel(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, wall, truth| klippy.cancel(now, wall, truth))
    }

    /// Forgets the file: what "clear" does after a print, and an old way to cancel a paused one.
    ///
    /// # Errors
    /// If a print runs.
    pub fn reset_file(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, wall, truth| klippy.reset_file(now, wall, truth))
    }

    /// Makes Klipper refuse the next line of the file.
    ///
    /// # Errors
    /// If there is no print.
    pub fn fail(&self, message: &str) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, wall, truth| klippy.fail(now, wall, message, truth))
    }

    /// Cancels the print and starts another within one status update, so that nobody sees the first end.
    ///
    /// # Errors
    /// If there is no print.
    pub fn replace_at_once(&self, filename: &str, plan: PrintPlan) -> Result<(), Refused> {
        self.ensure_file(filename, &plan);
        let mut model = self.shared.model();
        model.with_klippy(|klippy, now, wall, truth| klippy.cancel(now, wall, truth))?;
        let now = model.catch_up();
        model.start_in_klippy(now, filename, Some(plan))
    }

    // Klippy.

    /// The red button.
    pub fn emergency_stop(&self) {
        self.shut_down("Shutdown due to webhooks request");
    }

    /// Shuts Klippy down, for a reason such as `Lost communication with MCU 'mcu'`.
    pub fn shut_down(&self, why: &str) {
        self.shared.model().shut_down_klippy(why);
    }

    /// Restarts Klippy, as RESTART and FIRMWARE_RESTART do. It is ready after two seconds.
    pub fn firmware_restart(&self) {
        let mut model = self.shared.model();
        model.end_klippy(Outcome::KlippyGone);
        model.start_klippy(None);
    }

    /// Ends the Klippy process.
    pub fn kill_klippy(&self) {
        self.shared.model().end_klippy(Outcome::KlippyGone);
    }

    /// Starts the Klippy process. It is ready after two seconds.
    pub fn start_klippy(&self) {
        self.shared.model().start_klippy(None);
    }

    /// Starts the Klippy process with a configuration that halts it.
    pub fn start_klippy_with_broken_config(&self, why: &str) {
        self.shared.model().start_klippy(Some(why));
    }

    // Moonraker.

    /// SIGKILL: its jobs stay as they are, sockets break without a word.
    pub fn kill_moonraker(&self) {
        self.shared.model().kill_moonraker();
    }

    /// SIGTERM: ends the job with `server_exit`, and closes sockets properly.
    pub fn stop_moonraker(&self) {
        self.shared.model().stop_moonraker();
    }

    /// Starts Moonraker.
    pub fn start_moonraker(&self) {
        self.shared.model().start_moonraker();
    }

    /// Stops Moonraker and starts it as another version. From 0.8 on to a later one every job gets a new id.
    pub fn upgrade_moonraker(&self, version: Version) {
        let mut model = self.shared.model();
        model.upgrade_moonraker(version);
        model.start_moonraker();
    }

    // The host and its network.

    /// Cuts the power: Klippy, Moonraker and all sockets are gone at once.
    pub fn power_off(&self) {
        let mut model = self.shared.model();
        // Moonraker first: it must not notice.
        model.kill_moonraker();
        model.end_klippy(Outcome::PowerLost);
    }

    /// Switches it on: Moonraker and Klippy start.
    pub fn power_on(&self) {
        let mut model = self.shared.model();
        model.start_klippy(None);
        model.start_moonraker();
    }

    /// Breaks all connections, and lets none be made.
    pub fn cut_link(&self) {
        self.shared.network.send_replace(Network::Cut);
    }

    /// Lets connections stay, but nothing come through.
    pub fn freeze_link(&self) {
        self.shared.network.send_replace(Network::Frozen);
    }

    /// Makes the network work again.
    pub fn restore_link(&self) {
        self.shared.network.send_replace(Network::Up);
    }

    /// Sets the wall clock wrong by so many seconds; 0 sets it right.
    pub fn set_clock_offset(&self, seconds: f64) {
        self.shared.model().clock.offset = seconds;
    }

    /// Drops the subscriptions of all clients, as Moonraker may while it starts: sockets stay, calls are answered and
    /// other notifications arrive, but no status update does.
    pub fn drop_subscriptions(&self) {
        self.shared.model().connections.drop_subscriptions();
    }

    // Its history.

    /// Answers so many more requests for ascending pages of the history, as an import makes them, and holds those
    /// that follow until this is called again. `None` answers all, as at the start.
    pub fn allow_import_pages(&self, pages: Option<u64>) {
        self.shared.model().allow_import_pages(pages);
    }

    /// Deletes a job, as a front end does. `false` if there is none of that id.
    pub fn delete_history_job(&self, job_id: &str) -> bool {
        u64::from_str_radix(job_id, 16).is_ok_and(|id| self.shared.model().history.delete(id))
    }

    /// Deletes all jobs, as a front end does.
    pub fn delete_history(&self) {
        self.shared.model().history.delete_all();
    }

    /// Empties the database, with the totals.
    pub fn wipe_history(&self) {
        self.shared.model().history.wipe();
    }

    /// Leaves a job as foreign tools do: Moonraker fails on every page that it is on. `false` if there is none of
    /// that id.
    pub fn spoil_history_job(&self, job_id: &str) -> bool {
        u64::from_str_radix(job_id, 16).is_ok_and(|id| self.shared.model().history.spoil(id))
    }

    /// Refuses every call whose method begins so, until [`accept`](Self::accept).
    pub fn refuse(&self, method: &str, code: i64, message: &str) {
        let refused = (method.to_owned(), code, message.to_owned());
        self.shared.model().refused.push(refused);
    }

    /// Spoils the history from now on.
    pub fn spoil_history(&self, fault: HistoryFault) {
        self.shared.model().history_fault = Some(fault);
    }

    /// Refuses nothing any more.
    pub fn accept(&self) {
        self.shared.model().refused.clear();
    }
}

impl Drop for SimPrinter {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
