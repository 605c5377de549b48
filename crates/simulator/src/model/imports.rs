//! History pages requested by an import, oldest first. Tests control how far an import gets.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::Model;

/// A client has given up a request that is older. printlog waits 30 s.
const TIMEOUT: Duration = Duration::from_secs(25);

/// Limits on the responses to such requests.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Number of further pages to send. `None` for all.
    allowed: Option<u64>,
    /// Pending requests, each with its connection and the time of its arrival.
    held: Vec<(u64, String, Instant)>,
}

impl Model {
    /// Answers this many further requests for ascending history pages and holds the following ones. `None` answers
    /// all.
    /// Requests for the newest page, which clients read at every connection, are never held.
    pub(crate) fn allow_import_pages(&mut self, pages: Option<u64>) {
        self.imports.allowed = pages;
        for (connection, text, since) in std::mem::take(&mut self.imports.held) {
            // A response to a request that was given up would use up a page without reaching the import.
            if since.elapsed() < TIMEOUT && self.connections.get_mut(connection).is_some() {
                self.frame(connection, &text);
            }
        }
    }

    /// Whether a request is held.
    pub(crate) fn holds(&mut self, connection: u64, request: &Value, text: &str) -> bool {
        let Some(allowed) = &mut self.imports.allowed else {
            return false;
        };
        let params = &request["params"];
        let is_import = request["method"] == "server.history.list"
            && params["order"]
                .as_str()
                .is_some_and(|order| order.eq_ignore_ascii_case("asc"));
        // A request beyond the last row asks whether the history has an end; it reads no page.
        let reads_rows = params["start"].as_u64().unwrap_or(0) < self.history.count() as u64;
        if !(is_import && reads_rows) {
            return false;
        }
        if let Some(left) = allowed.checked_sub(1) {
            *allowed = left;
            return false;
        }
        self.imports
            .held
            .push((connection, text.to_owned(), Instant::now()));
        true
    }
}
