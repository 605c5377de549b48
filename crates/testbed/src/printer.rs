//! A whole printer: a real Moonraker with the stand-in Klippy behind it.

use anyhow::Result;

use crate::{GcodeFile, Klippy, Moonraker, PrintRecord, Setup};

/// What Moonraker subscribes to last when it has found a Klippy.
const LAST_SUBSCRIPTION: &str = "extruder";

/// Moonraker and Klippy, connected and ready to print. Everything ends when it is dropped.
pub struct Printer {
    /// The real Moonraker.
    pub moonraker: Moonraker,
    /// The stand-in Klippy.
    pub klippy: Klippy,
}

impl Printer {
    /// Starts the newest Moonraker, which trusts every client on this machine.
    ///
    /// # Errors
    /// Moonraker is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::with(Setup::default()).await
    }

    /// Starts a Moonraker as `setup` says, with a Klippy, and waits until it can print.
    ///
    /// # Errors
    /// Moonraker is not installed or does not start.
    pub async fn with(setup: Setup) -> Result<Self> {
        let moonraker = Moonraker::start(setup).await?;
        let klippy = Klippy::start(&moonraker.klippy_socket(), &moonraker.gcodes()).await?;
        let printer = Self { moonraker, klippy };
        printer.wait_until_ready().await?;
        Ok(printer)
    }

    /// Waits until a print can be started, after a start or a restart of Moonraker or Klippy.
    ///
    /// That is a little later than Moonraker says `ready`: it then subscribes to the heaters, and
    /// does not notice a print that starts meanwhile. To have that happen, wait with
    /// [`Moonraker::wait_for_klippy`] only.
    ///
    /// # Errors
    /// It did not get there within a minute.
    pub async fn wait_until_ready(&self) -> Result<()> {
        self.moonraker.wait_for_klippy("ready").await?;
        self.klippy
            .wait_until(|now| now.subscribed.contains(LAST_SUBSCRIPTION))
            .await
            .map(drop)
    }

    /// Uploads a file and starts to print it. Returns when Klippy prints.
    ///
    /// # Errors
    /// Moonraker does not answer, or refuses.
    pub async fn print(&self, path: &str, file: &GcodeFile) -> Result<()> {
        self.moonraker.upload(path, &file.bytes(), false).await?;
        self.moonraker.start_print(path).await
    }

    /// Prints a file to its end, however that comes, and returns what truly happened.
    ///
    /// # Errors
    /// Moonraker does not answer or refuses, or the print takes over a minute.
    pub async fn print_to_end(&self, path: &str, file: &GcodeFile) -> Result<PrintRecord> {
        self.print(path, file).await?;
        self.klippy.wait_for_end().await
    }
}
