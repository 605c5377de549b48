//! A complete printer: a real Moonraker with a stand-in Klippy.

use anyhow::Result;

use crate::{GcodeFile, Klippy, Moonraker, PrintRecord, Setup};

/// The last object that Moonraker subscribes to after it has found a Klippy.
const LAST_SUBSCRIPTION: &str = "extruder";

/// Moonraker and Klippy, connected and ready to print. Both stop when this is dropped.
pub struct Printer {
    /// The real Moonraker.
    pub moonraker: Moonraker,
    /// The stand-in Klippy.
    pub klippy: Klippy,
}

impl Printer {
    /// Starts the newest Moonraker, which trusts all local clients, with a Klippy.
    ///
    /// # Errors
    /// If Moonraker is not installed or does not start.
    pub async fn start() -> Result<Self> {
        Self::with(Setup::default()).await
    }

    /// Starts a Moonraker with these options and a Klippy, and waits until it can print.
    ///
    /// # Errors
    /// If Moonraker is not installed or does not start.
    pub async fn with(setup: Setup) -> Result<Self> {
        let moonraker = Moonraker::start(setup).await?;
        let klippy = Klippy::start(&moonraker.klippy_socket(), &moonraker.gcodes()).await?;
        let printer = Self { moonraker, klippy };
        printer.wait_until_ready().await?;
        Ok(printer)
    }

    /// Waits until a print can be started after a start or restart of Moonraker or Klippy.
    ///
    /// This is slightly later than Moonraker's `ready`. At `ready`, Moonraker subscribes to the heaters and misses a
    /// print that starts meanwhile. To provoke this, wait with [`Moonraker::wait_for_klippy`] only.
    ///
    /// # Errors
    /// If this takes more than a minute.
    pub async fn wait_until_ready(&self) -> Result<()> {
        self.moonraker.wait_for_klippy("ready").await?;
        self.klippy
            .wait_until(|now| now.subscribed.contains(LAST_SUBSCRIPTION))
            .await
            .map(drop)
    }

    /// Uploads a file and starts to print it. Returns when Klippy is printing.
    ///
    /// # Errors
    /// If Moonraker does not respond or refuses.
    pub async fn print(&self, path: &str, file: &GcodeFile) -> Result<()> {
        self.moonraker.upload(path, &file.bytes(), false).await?;
        self.moonraker.start_print(path).await
    }

    /// Prints a file until it ends with any outcome, and returns what really happened.
    ///
    /// # Errors
    /// If Moonraker does not respond or refuses, or the print takes over a minute.
    pub async fn print_to_end(&self, path: &str, file: &GcodeFile) -> Result<PrintRecord> {
        self.print(path, file).await?;
        self.klippy.wait_for_end().await
    }
}
