//! The handle to one simulated printer, for tests.

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

/// A simulated printer on its own local TCP port. Stops when it is dropped.
///
/// Commands take effect at once; clients are notified with the next status update, as with a real printer.
pub struct SimPrinter {
    shared: Shared,
    address: SocketAddr,
    tasks: [JoinHandle<()>; 2],
}

/// State of a printer.
#[derive(Debug, Clone, PartialEq)]
pub struct PrinterView {
    /// `startup`, `ready`, `shutdown` or `error`. `None` if Klippy does not run.
    pub klippy: Option<&'static str>,
    /// `print_stats.state`. `None` if Klippy does not run.
    pub print: Option<&'static str>,
    /// `print_stats.filename`; empty after a reset.
    pub filename: String,
    /// Whether Moonraker runs.
    pub moonraker: bool,
    /// Whether Moonraker has noticed that Klippy is ready.
    pub ready: bool,
    /// Whether Moonraker has reported the current state of the print, or cannot.
    pub is_reported: bool,
    /// Whether Moonraker considers a job running.
    pub job: bool,
    /// Number of connected clients.
    pub sockets: usize,
    /// Number of clients with a subscription.
    pub subscriptions: usize,
}

impl SimPrinter {
    /// Starts a printer on a port; 0 for any free port. Klippy is ready.
    ///
    /// # Errors
    /// If the port is not available.
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

    /// URL of Moonraker: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// TCP port of Moonraker.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The current state.
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
            is_reported: model.is_reported(),
            job: moonraker.is_some_and(|moonraker| moonraker.current.is_some()),
            sockets: model.connections.list.len(),
            subscriptions: model.connections.subscriptions(),
        }
    }

    /// Waits until the printer is in the wanted state.
    pub async fn wait_until(&self, wanted: impl Fn(&PrinterView) -> bool) {
        while !wanted(&self.view()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for this many simulated seconds.
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

    /// Freezes the printer's time: it answers requests, but its state does not advance.
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Resumes the printer's time.
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }

    /// All prints since the simulation began, in order, as they really happened.
    #[must_use]
    pub fn truth(&self) -> Vec<TrueRun> {
        let mut model = self.shared.model();
        model.catch_up();
        model.truth.clone()
    }

    /// The jobs in Moonraker's history, oldest first, as in `server.history.list`.
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

    /// One job in Moonraker's history, as in `server.history.get_job`.
    #[must_use]
    pub fn history_job(&self, job_id: &str) -> Option<Value> {
        let model = self.shared.model();
        let id = u64::from_str_radix(job_id, 16).ok()?;
        let row = model.history.row(id)?;
        history::job(model.config.version, id, &row, model.exists(&row)).ok()
    }

    /// The traffic of its sockets.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shared.model().connections.counters.traffic()
    }

    /// Simulated seconds since the simulation began, unaffected by changes of the wall clock.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.shared.model().clock.now()
    }

    /// The host's wall clock, in Unix seconds.
    #[must_use]
    pub fn wall_clock(&self) -> f64 {
        let model = self.shared.model();
        model.clock.wall(model.clock.now())
    }

    // Prints.

    /// Adds a file. With `None`, its content is generated.
    pub fn add_file(&self, file: SlicedFile, content: Option<Vec<u8>>) {
        self.shared.model().add_file(file, content.map(Arc::from));
    }

    /// Removes a file. If it is being printed, its job ends without metadata.
    pub fn remove_file(&self, name: &str) -> bool {
        self.shared.model().remove_file(name)
    }

    /// Starts a print as a front end does. The file is generated if it does not exist.
    ///
    /// # Errors
    /// If Klipper refuses because it is not ready or is printing.
    pub fn start_print(&self, filename: &str, plan: PrintPlan) -> Result<(), Refused> {
        self.start_file(filename, plan, true)
    }

    /// Starts a print as a display does: Moonraker does not know the user.
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

    /// Prints an existing file according to its slicer's plan.
    ///
    /// # Errors
    /// As [`start_print`](Self::start_print), or if there is no such file.
    pub fn print_file(&self, filename: &str) -> Result<(), Refused> {
        self.shared.model().start_by_api(filename)
    }

    /// Restarts Klippy and starts a print right after it is ready, at a moment that Moonraker 0.10 and later miss.
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
        let mut file = catalog::sliced_file(&mut model.random, plan.warmup + plan.printing, modified);
        filename.clone_into(&mut file.name);
        file.metadata["filament_total"] = plan.filament.into();
        file.plan = plan.clone();
        model.add_file(file, None);
    }

    /// Pauses the print.
    ///
    /// # Errors
    /// If no print is running.
    pub fn pause(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, _, truth| klippy.pause(now, truth))
    }

    /// Resumes the paused print.
    ///
    /// # Errors
    /// If no print is paused.
    pub fn resume(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, _, _| klippy.resume(now))
    }

    /// Cancels the print.
    ///
    /// # Errors
    /// If there is no print.
    pub fn cancel(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, wall, truth| klippy.cancel(now, wall, truth))
    }

    /// Resets the loaded file, as "clear" does after a print. Formerly also used to cancel a paused print.
    ///
    /// # Errors
    /// If a print is running.
    pub fn reset_file(&self) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, wall, truth| klippy.reset_file(now, wall, truth))
    }

    /// Makes Klipper reject the next line of the file.
    ///
    /// # Errors
    /// If there is no print.
    pub fn fail(&self, message: &str) -> Result<(), Refused> {
        self.shared
            .model()
            .with_klippy(|klippy, now, wall, truth| klippy.fail(now, wall, message, truth))
    }

    /// Cancels the print and starts another within one status update, so that clients never see the first end.
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

    /// Triggers an emergency stop.
    pub fn emergency_stop(&self) {
        self.shut_down("Shutdown due to webhooks request");
    }

    /// Shuts Klippy down, for a reason such as `Lost communication with MCU 'mcu'`.
    pub fn shut_down(&self, why: &str) {
        self.shared.model().shut_down_klippy(why);
    }

    /// Restarts Klippy, like RESTART and FIRMWARE_RESTART. It is ready after two seconds.
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

    /// Starts the Klippy process with an invalid configuration: it enters the error state.
    pub fn start_klippy_with_broken_config(&self, why: &str) {
        self.shared.model().start_klippy(Some(why));
    }

    // Moonraker.

    /// Kills Moonraker (SIGKILL): its job stays in progress, and sockets break without a close frame.
    pub fn kill_moonraker(&self) {
        self.shared.model().kill_moonraker();
    }

    /// Stops Moonraker (SIGTERM): its job ends with `server_exit`, and sockets are closed properly.
    pub fn stop_moonraker(&self) {
        self.shared.model().stop_moonraker();
    }

    /// Starts Moonraker.
    pub fn start_moonraker(&self) {
        self.shared.model().start_moonraker();
    }

    /// Stops Moonraker and starts another version. An upgrade from 0.8 gives every job a new id.
    pub fn upgrade_moonraker(&self, version: Version) {
        let mut model = self.shared.model();
        model.upgrade_moonraker(version);
        model.start_moonraker();
    }

    // The host and its network.

    /// Cuts the power: Klippy, Moonraker and all sockets end at once.
    pub fn power_off(&self) {
        let mut model = self.shared.model();
        // Moonraker first, so that it does not notice that Klippy ends.
        model.kill_moonraker();
        model.end_klippy(Outcome::PowerLost);
    }

    /// Restores the power: Moonraker and Klippy start.
    pub fn power_on(&self) {
        let mut model = self.shared.model();
        model.start_klippy(None);
        model.start_moonraker();
    }

    /// Breaks all connections and prevents new ones.
    pub fn cut_link(&self) {
        self.shared.network.send_replace(Network::Cut);
    }

    /// Keeps the connections open but transfers no data.
    pub fn freeze_link(&self) {
        self.shared.network.send_replace(Network::Frozen);
    }

    /// Restores the network.
    pub fn restore_link(&self) {
        self.shared.network.send_replace(Network::Up);
    }

    /// Sets the error of the wall clock, in seconds; 0 corrects it.
    pub fn set_clock_offset(&self, seconds: f64) {
        self.shared.model().clock.offset = seconds;
    }

    /// Drops the subscriptions of all clients, which Moonraker may do while it starts: sockets stay open, calls are
    /// answered and other notifications arrive, but no status updates.
    pub fn drop_subscriptions(&self) {
        self.shared.model().connections.drop_subscriptions();
    }

    // History.

    /// Answers this many further requests for ascending history pages, as an import sends them, and holds the
    /// following ones until the next call. `None` answers all, which is the default.
    pub fn allow_import_pages(&self, pages: Option<u64>) {
        self.shared.model().allow_import_pages(pages);
    }

    /// Deletes a job, as a front end does. `false` if there is none with this id.
    pub fn delete_history_job(&self, job_id: &str) -> bool {
        u64::from_str_radix(job_id, 16).is_ok_and(|id| self.shared.model().history.delete(id))
    }

    /// Deletes all jobs, as a front end does.
    pub fn delete_history(&self) {
        self.shared.model().history.delete_all();
    }

    /// Empties the database, including the totals.
    pub fn wipe_history(&self) {
        self.shared.model().history.wipe();
    }

    /// Sets the metadata of a job to NULL, as some external tools do: Moonraker then fails on every page that
    /// contains it.
    /// `false` if there is none with this id.
    pub fn corrupt_history_job(&self, job_id: &str) -> bool {
        u64::from_str_radix(job_id, 16).is_ok_and(|id| self.shared.model().history.corrupt(id))
    }

    /// Refuses every call whose method starts with `method`, until [`accept`](Self::accept).
    pub fn refuse(&self, method: &str, code: i64, message: &str) {
        let refused = (method.to_owned(), code, message.to_owned());
        self.shared.model().refused.push(refused);
    }

    /// Applies a fault to the history from now on.
    pub fn fail_history(&self, fault: HistoryFault) {
        self.shared.model().history_fault = Some(fault);
    }

    /// Removes all refusals.
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
