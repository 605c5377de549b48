//! Options for starting a Moonraker.

use std::path::Path;

use anyhow::{Context, Result};

use super::klippy_socket;
use crate::installation::DEFAULT_MOONRAKER;

/// Options for starting a Moonraker.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) version: String,
    pub(super) key_required: bool,
    pub(super) settable_clock: bool,
    has_history: bool,
    extra_config: String,
}

impl Default for Setup {
    /// The newest Moonraker, which trusts all local clients.
    fn default() -> Self {
        Self {
            version: DEFAULT_MOONRAKER.to_owned(),
            key_required: false,
            settable_clock: false,
            has_history: true,
            extra_config: String::new(),
        }
    }
}

impl Setup {
    /// Uses another version: `0.10.0`, `0.9.3` or `0.8.0`.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Trusts no clients: all need the API key.
    #[must_use]
    pub fn key_required(mut self) -> Self {
        self.key_required = true;
        self
    }

    /// Adds a wall clock that [`super::Moonraker::set_clock`] can change.
    #[must_use]
    pub fn settable_clock(mut self) -> Self {
        self.settable_clock = true;
        self
    }

    /// Omits the section `[history]`. From 0.9 on, Moonraker has a history without it.
    #[must_use]
    pub fn without_history(mut self) -> Self {
        self.has_history = false;
        self
    }

    /// Adds sections to `moonraker.conf`.
    #[must_use]
    pub fn extra_config(mut self, sections: &str) -> Self {
        sections.clone_into(&mut self.extra_config);
        self
    }

    pub(super) fn write_config(&self, folder: &Path, port: u16) -> Result<()> {
        let trusted = if self.key_required {
            ""
        } else {
            "trusted_clients: 127.0.0.1\n"
        };
        let config = format!(
            "[server]\nhost: 127.0.0.1\nport: {port}\nklippy_uds_address: {}\n\
             [authorization]\n{trusted}\
             [machine]\nprovider: none\nvalidate_service: False\n\
             [file_manager]\nenable_object_processing: False\ncheck_klipper_config_path: False\n\
             [announcements]\nenable_moonlight: False\n\
             {}\
             {}\n",
            klippy_socket(folder).display(),
            if self.has_history { "[history]\n" } else { "" },
            self.extra_config,
        );
        std::fs::write(folder.join("config/moonraker.conf"), config).context("could not write moonraker.conf")
    }
}
