//! Why a job ended.

use strum_macros::{AsRefStr, EnumString};

/// Why a job ended, as it is stored and served. Most causes have the words of Moonraker's history.
#[derive(Debug, Clone, PartialEq, Eq, AsRefStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Cause {
    /// The print finished.
    Completed,
    /// The print was cancelled.
    Cancelled,
    /// Klipper refused a command.
    Error,
    /// Klippy shut down: an emergency stop, M112, a lost microcontroller.
    KlippyShutdown,
    /// Klippy disconnected from Moonraker.
    KlippyDisconnect,
    /// Moonraker stopped.
    ServerExit,
    /// Moonraker was killed, and noticed at its next start.
    Interrupted,
    /// Moonraker's history still has the job as running.
    InProgress,
    /// The same file was started again within one tick of Moonraker. printlog's own word.
    Replaced,
    /// A word of another firmware or of a later Moonraker, unchanged.
    #[strum(default, transparent)]
    Other(String),
}

impl Cause {
    /// The word used in the database and the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.as_ref()
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Other(word) => word,
            cause => cause.as_str().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_kept_as_it_is() {
        for (word, cause) in [
            ("completed", Cause::Completed),
            ("cancelled", Cause::Cancelled),
            ("error", Cause::Error),
            ("klippy_shutdown", Cause::KlippyShutdown),
            ("klippy_disconnect", Cause::KlippyDisconnect),
            ("server_exit", Cause::ServerExit),
            ("interrupted", Cause::Interrupted),
            ("in_progress", Cause::InProgress),
            ("replaced", Cause::Replaced),
            ("Completed", Cause::Other("Completed".to_owned())),
            (
                "abducted by aliens",
                Cause::Other("abducted by aliens".to_owned()),
            ),
            ("", Cause::Other(String::new())),
        ] {
            assert_eq!(Cause::from(word), cause);
            assert_eq!(cause.as_str(), word);
            assert_eq!(String::from(cause), word);
        }
    }
}
