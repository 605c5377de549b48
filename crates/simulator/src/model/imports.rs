//! History pages requested by an import, oldest first. Tests control how far an import gets.

use serde_json::Value;

use super::Model;

/// Limits on the responses to such requests.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Number of further pages to send. `None` for all.
    allowed: Option<u64>,
    /// Pending requests, each with its connection.
    held: Vec<(u64, String)>,
}

impl Model {
    /// Answers this many further requests for ascending history pages and holds the following ones. `None` answers
    /// all.
    /// Requests for the newest page, which clients read at every connection, are never held.
    pub(crate) fn allow_import_pages(&mut self, pages: Option<u64>) {
        self.imports.allowed = pages;
        for (connection, text) in std::mem::take(&mut self.imports.held) {
            if self.connections.get_mut(connection).is_some() {
                self.frame(connection, &text);
            }
        }
    }

    /// Whether a request is held.
    pub(crate) fn holds(&mut self, connection: u64, request: &Value, text: &str) -> bool {
        let Some(allowed) = &mut self.imports.allowed else {
            return false;
        };
        let is_import = request["method"] == "server.history.list"
            && request["params"]["order"]
                .as_str()
                .is_some_and(|order| order.eq_ignore_ascii_case("asc"));
        if !is_import {
            return false;
        }
        if let Some(left) = allowed.checked_sub(1) {
            *allowed = left;
            return false;
        }
        self.imports.held.push((connection, text.to_owned()));
        true
    }
}
