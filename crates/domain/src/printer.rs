//! A printer, as the user configured it.

use jiff::Timestamp;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

use crate::UnknownName;

/// Primary key of `printers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrinterId(pub i64);

/// What printlog connects to in order to record a printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum PrinterKind {
    /// Moonraker, in front of Klipper.
    #[default]
    Moonraker,
}

impl PrinterKind {
    /// The name used in the database and the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A user's settings for a printer.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPrinter {
    /// Unique, compared without regard to case and surrounding white space.
    pub name: String,
    /// What printlog connects to.
    pub kind: PrinterKind,
    /// Free text. `None` if not given.
    pub location: Option<String>,
    /// Base URL of Moonraker: `http`, `https`, `ws` or `wss`, with host and port.
    pub moonraker_url: String,
    /// Moonraker's API key. `None` for a printer that trusts this machine.
    pub moonraker_api_key: Option<String>,
    /// Whether printlog keeps a connection to it.
    pub is_active: bool,
}

/// A printer as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Printer {
    /// Primary key.
    pub id: PrinterId,
    /// The user's settings.
    pub config: NewPrinter,
    /// Whether the stored API key cannot be decrypted; `config` then has no key.
    pub key_is_unreadable: bool,
    /// When the printer last answered, by printlog's clock, to the minute. `None` if it never did.
    pub last_seen: Option<Timestamp>,
    /// When the printer was added.
    pub created_at: Timestamp,
    /// When `config` last changed; a change of `last_seen` does not count.
    pub updated_at: Timestamp,
    /// Progress of the history import.
    pub backfill: Backfill,
}

/// Progress of the import of a printer's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backfill {
    /// Jobs that started before this are not imported. `None` imports all jobs. Fixed at the first contact.
    pub since: Option<Timestamp>,
    /// Rows of the printer's history that have been read, counted from the oldest.
    pub position: u64,
    /// When the whole history had been read once. `None` until then.
    pub completed_at: Option<Timestamp>,
    /// When the printer was first reached. `None` if it never was.
    pub first_contact: Option<Timestamp>,
}

// The API key is a secret, so debug output omits it.
impl std::fmt::Debug for NewPrinter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewPrinter")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("location", &self.location)
            .field("moonraker_url", &self.moonraker_url)
            .field("moonraker_api_key", &self.moonraker_api_key.as_ref().map(|_| "…"))
            .field("is_active", &self.is_active)
            .finish()
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer")
            .field("id", &self.id)
            .field("config", &self.config)
            .field("last_seen", &self.last_seen)
            .field("backfill", &self.backfill)
            .finish_non_exhaustive()
    }
}
