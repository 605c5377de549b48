//! Optional calls of a Moonraker. printlog uses those that are offered, and records prints without the others.

use std::fmt;

use serde_json::{Map, Value, json};
use strum_macros::{IntoStaticStr, VariantArray};

use crate::{
    Client, HistoryQuery, Order, RequestError, ServerInfo, Snapshot, StatusMirror, calls::is_heater,
};

/// A part of Moonraker's API that printlog can work without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Capability {
    /// `server.connection.identify`.
    Identify,
    /// `server.info`.
    ServerInfo,
    /// `machine.proc_stats`.
    HostClock,
    /// `server.history.list`.
    History,
    /// `printer.objects.list`.
    ObjectList,
    /// `printer.objects.subscribe`.
    Subscription,
    /// `server.files.metadata`.
    Metadata,
    /// `server.temperature_store`.
    TemperatureStore,
    /// Klipper's `print_stats`, without which there are no jobs.
    PrintStats,
    /// Rows of `server.history.list` beyond the newest.
    HistoryImport,
    /// Rows of the history that can be read completely.
    HistoryRows,
}

impl Capability {
    /// A stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Explains to the user what its absence means.
    fn absence(self) -> &'static str {
        match self {
            Self::Identify => {
                "this Moonraker refuses clients that identify themselves; printlog connects without doing so"
            }
            Self::ServerInfo => {
                "this Moonraker does not report its version and state; Klipper's own report is used"
            }
            Self::HostClock => "this Moonraker does not report its clock; printlog's clock is used",
            Self::History => "this Moonraker keeps no history; jobs are recorded from print_stats only",
            Self::ObjectList => {
                "this Moonraker does not list Klipper's objects; only the usual heaters are shown"
            }
            Self::Subscription => {
                "this Moonraker refuses subscriptions; the print is read every few seconds instead"
            }
            Self::Metadata => {
                "this Moonraker has no metadata of G-code files; details are read from the files only"
            }
            Self::TemperatureStore => {
                "this Moonraker has no temperature store; printlog shows current temperatures only"
            }
            Self::PrintStats => "Klipper reports no print_stats; no job can be recorded",
            Self::HistoryImport => {
                "the history of this Moonraker cannot be imported as a whole; new jobs are recorded"
            }
            Self::HistoryRows => {
                "rows of this Moonraker's history have values that cannot be read or are too long; the rest of them is recorded"
            }
        }
    }
}

/// A capability that a Moonraker does not offer. Displays as a sentence for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limitation {
    /// The missing capability.
    pub capability: Capability,
    /// The refusal that shows it.
    pub cause: String,
    /// Whether the call timed out. A busy printer may have the capability nevertheless.
    pub timed_out: bool,
}

impl Limitation {
    /// The limitation that `cause` shows.
    ///
    /// # Errors
    /// Returns `cause` itself if it does not concern the capability: access was refused, or the connection has ended.
    pub fn of(capability: Capability, cause: RequestError) -> Result<Self, RequestError> {
        match cause {
            RequestError::Unauthorized { .. } | RequestError::Lost { .. } => Err(cause),
            // Every Moonraker has these calls; if it does not answer them, it hangs.
            RequestError::Timeout { .. }
                if matches!(capability, Capability::ServerInfo | Capability::Subscription) =>
            {
                Err(cause)
            }
            RequestError::Refused { .. } | RequestError::Timeout { .. } | RequestError::Unreadable { .. } => {
                Ok(Self::because(capability, &cause))
            }
        }
    }
}

impl Limitation {
    fn because(capability: Capability, cause: &RequestError) -> Self {
        Self {
            capability,
            cause: cause.to_string(),
            timed_out: matches!(cause, RequestError::Timeout { .. }),
        }
    }

    /// The limitation for a Klipper that does not report the print.
    #[must_use]
    pub fn no_print_stats() -> Self {
        Self {
            capability: Capability::PrintStats,
            cause: "printer.cfg needs a section [virtual_sdcard]".to_owned(),
            timed_out: false,
        }
    }

    /// What problems with rows of the history mean: their number, and the first of them.
    #[must_use]
    pub fn of_rows(problems: u64, first: &impl fmt::Display) -> Self {
        let cause = match problems {
            0 | 1 => first.to_string(),
            _ => format!("{problems} problems; the first: {first}"),
        };
        Self {
            capability: Capability::HistoryRows,
            cause,
            timed_out: false,
        }
    }
}

impl fmt::Display for Limitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timed_out {
            true => write!(
                f,
                "this Moonraker is too slow for the capability `{}`; printlog retries it ({})",
                self.capability.as_str(),
                self.cause
            ),
            false => write!(f, "{} ({})", self.capability.absence(), self.cause),
        }
    }
}

/// The result of an optional call: its answer, or the limitation.
pub type Optional<T> = Result<T, Limitation>;

/// Turns the failure of an optional call into a limitation.
///
/// # Errors
/// As [`Limitation::of`].
pub fn optional<T>(
    capability: Capability,
    result: Result<T, RequestError>,
) -> Result<Optional<T>, RequestError> {
    match result {
        Ok(answer) => Ok(Ok(answer)),
        Err(cause) => Limitation::of(capability, cause).map(Err),
    }
}

/// A reading of the print, and the calls that were refused for it.
#[derive(Debug)]
pub struct PrintReading {
    /// The full status.
    pub snapshot: Snapshot,
    /// Whether the printer sends updates from now on.
    pub is_subscribed: bool,
    /// The refused calls.
    pub limitations: Vec<Limitation>,
}

/// A position beyond the end of any history. A printer makes about ten prints a day.
const HISTORY_END: u64 = 1_000_000;
/// No G-code file has this name.
const NO_FILE: &str = "printlog/no such file";
/// Number of heaters that are followed. A printer has about five.
const HEATERS: usize = 32;
/// Heaters of most printers. Klipper reports the ones that a printer does not have as empty.
const USUAL_HEATERS: [&str; 3] = ["extruder", "extruder1", "heater_bed"];

impl Client {
    /// Follows the objects that a print logger needs: the print, Klippy's state, progress, and all heaters. Subscribes
    /// to them or, if that is refused, reads them once.
    ///
    /// # Errors
    /// If they cannot be read either. Refused while Klippy is not connected, with code -32601 if Klippy has not
    /// connected to Moonraker yet.
    pub async fn follow_print(&self) -> Result<PrintReading, RequestError> {
        let mut limitations = Vec::new();
        let heaters = match optional(Capability::ObjectList, self.printer_objects_list().await)? {
            Ok(objects) => objects
                .into_iter()
                .filter(|object| is_heater(object))
                .take(HEATERS)
                .collect(),
            Err(limitation) => {
                limitations.push(limitation);
                USUAL_HEATERS.map(str::to_owned).to_vec()
            }
        };
        let objects = objects_of_a_print(heaters);
        let subscribed = self.printer_objects_subscribe(objects.clone()).await;
        let (snapshot, is_subscribed) = match optional(Capability::Subscription, subscribed)? {
            Ok(snapshot) => (snapshot, true),
            Err(limitation) => {
                limitations.push(limitation);
                (self.printer_objects_query(objects).await?, false)
            }
        };
        Ok(PrintReading {
            snapshot,
            is_subscribed,
            limitations,
        })
    }

    /// Reads the objects of [`follow_print`](Self::follow_print) once more.
    ///
    /// # Errors
    /// As [`follow_print`](Self::follow_print).
    pub async fn poll_print(&self, known: &StatusMirror) -> Result<Snapshot, RequestError> {
        let heaters = known.heaters().map(|(name, _)| name.to_owned()).collect();
        self.printer_objects_query(objects_of_a_print(heaters)).await
    }

    /// [`server_info`](Self::server_info), or a limitation if it is refused.
    ///
    /// # Errors
    /// If access is refused, or the connection has ended.
    pub async fn server_info_if_offered(&self) -> Result<Optional<ServerInfo>, RequestError> {
        optional(Capability::ServerInfo, self.server_info().await)
    }

    /// Whether the history can be read. Reads a single row, and skips one that Moonraker itself cannot read.
    ///
    /// # Errors
    /// If access is refused, or the connection has ended.
    pub async fn try_history(&self) -> Result<Optional<()>, RequestError> {
        let query = HistoryQuery {
            limit: 1,
            ..HistoryQuery::default()
        };
        let page = self.history_page_skipping_bad_rows(query).await;
        optional(Capability::History, page.map(drop))
    }

    /// Whether the newest rows of the history can be read completely.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn check_history_rows(&self) -> Result<Optional<()>, RequestError> {
        let page = self
            .history_page_skipping_bad_rows(HistoryQuery::default())
            .await?;
        Ok(match page.problems.first() {
            None => Ok(()),
            Some(first) => Err(Limitation::of_rows(page.problems.len() as u64, first)),
        })
    }

    /// Whether the history has an end. Reading a history without an end, or with the same rows at every position, would
    /// never finish.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn check_history_end(&self) -> Result<Optional<()>, RequestError> {
        let query = HistoryQuery {
            start: HISTORY_END,
            limit: 1,
            order: Order::Ascending,
            ..HistoryQuery::default()
        };
        let is_empty = self.history_list(&query).await?.rows == 0;
        Ok(is_empty.then_some(()).ok_or_else(|| Limitation {
            capability: Capability::HistoryImport,
            cause: format!(
                "it returns rows beyond position {HISTORY_END}: it has no end, or returns the same rows at every position"
            ),
            timed_out: false,
        }))
    }

    /// Tries the calls that are used rarely, or by other components than the connection itself.
    ///
    /// # Errors
    /// If the connection has ended.
    pub async fn missing_extras(&self) -> Result<Vec<Limitation>, RequestError> {
        let (metadata, temperatures) = tokio::join!(
            self.files_metadata(NO_FILE),
            self.call_raw("server.temperature_store", json!({ "include_monitors": false })),
        );
        let tried = [
            (Capability::Metadata, metadata.map(drop)),
            (Capability::TemperatureStore, temperatures.map(drop)),
        ];
        let mut missing = Vec::new();
        for (capability, result) in tried {
            match result {
                Ok(()) => {}
                Err(cause @ RequestError::Lost { .. }) => return Err(cause),
                // This includes refused access: the connection's other calls have shown that it is authorized.
                Err(cause) => missing.push(Limitation::because(capability, &cause)),
            }
        }
        Ok(missing)
    }
}

fn objects_of_a_print(heaters: Vec<String>) -> Map<String, Value> {
    let print = [
        ("webhooks", Value::Null),
        ("print_stats", Value::Null),
        (
            "virtual_sdcard",
            json!(["progress", "is_active", "file_position", "file_size"]),
        ),
        ("display_status", json!(["progress", "message"])),
    ];
    let heaters = heaters
        .into_iter()
        .map(|heater| (heater, json!(["temperature", "target"])));
    print
        .into_iter()
        .map(|(object, fields)| (object.to_owned(), fields))
        .chain(heaters)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_call_without_an_answer_does_not_prove_that_the_capability_is_missing() {
        let timeout = RequestError::Timeout {
            method: "server.history.list",
            limit: Duration::from_secs(30),
        };
        let limitation = Limitation::of(Capability::History, timeout).unwrap();
        assert!(limitation.timed_out);
        let text = limitation.to_string();
        assert!(
            text.contains("too slow for the capability `history`") && !text.contains("keeps no history"),
            "{text}"
        );
    }
}
