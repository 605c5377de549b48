//! Pages of the history that a client imports, oldest first: a test decides how far the import gets.

use serde_json::Value;

use super::Model;

/// Which requests for such pages are answered.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// How many more. `None` for all.
    allowed: Option<u64>,
    /// Requests that wait, each with its connection.
    held: Vec<(u64, String)>,
}

impl Model {
    /// Answers so many more requests for ascending pages of the history, and holds those that follow. `None` answers
    /// all. Pages of the newest end, which clients read whenever they connect, are never held.
    pub(crate) fn allow_import_pages(&mut self, pages: Option<u64>) {
        self.imports.allowed = pages;
        for (connection, text) in std::mem::take(&mut self.imports.held) {
            if self.connections.get_mut(connection).is_some() {
                self.frame(connection, &text);
            }
        }
    }

    /// Whether a request has to wait.
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
