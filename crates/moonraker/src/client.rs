//! Makes calls on a connection.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    error::{Closed, RequestError},
    frame::Refusal,
    lenient::{WORD, cut},
    link::{Call, Shared},
};

/// Makes calls on a connection. Clones share the connection.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) calls: mpsc::Sender<Box<Call>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) next_id: Arc<AtomicU64>,
    pub(crate) call_timeout: Duration,
    pub(crate) api_key: Option<Arc<str>>,
}

impl Client {
    /// Calls a method. `params` is an object, or null for none.
    ///
    /// The future may be dropped at any time; an answer that arrives later is ignored.
    ///
    /// # Errors
    /// If the call is refused, or no answer arrives in time.
    pub async fn call(&self, method: &'static str, params: Value) -> Result<Value, RequestError> {
        self.call_as(method, params).await
    }

    /// Why the connection ended. `None` while it is open.
    #[must_use]
    pub fn closed_reason(&self) -> Option<Closed> {
        self.shared.closed.get().cloned()
    }

    /// [`call`](Self::call), with the result parsed as `T`.
    pub(crate) async fn call_as<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RequestError> {
        let result = self.call_raw(method, params).await?;
        let text = result.as_deref().map_or("null", RawValue::get);
        serde_json::from_str(text).map_err(|cause| RequestError::Unreadable {
            method,
            // The error may quote text of the answer, of any length.
            source: serde::de::Error::custom(cut(cause.to_string(), WORD)),
        })
    }

    /// [`call`](Self::call), with the result not parsed. `None` for null.
    pub(crate) async fn call_raw(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Option<Box<RawValue>>, RequestError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut request = json!({ "jsonrpc": "2.0", "method": method, "id": id });
        if !params.is_null() {
            request["params"] = params;
        }
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.calls
                .send(Box::new(Call {
                    id,
                    text: request.to_string(),
                    reply,
                }))
                .await
                .ok()?;
            answer.await.ok()
        };
        let limit = self.call_timeout;
        let lost = || RequestError::Lost {
            method,
            source: self.closed_reason().unwrap_or(Closed::ByUs),
        };
        timeout(limit, asked)
            .await
            .map_err(|_| RequestError::Timeout { method, limit })?
            .ok_or_else(lost)?
            .map_err(|refusal| self.refused(method, refusal))
    }

    fn refused(&self, method: &'static str, refusal: Refusal) -> RequestError {
        let Refusal { code, message } = refusal;
        let unauthorized = matches!(code, 401 | 403) || is_access_refusal(&message);
        if unauthorized {
            RequestError::Unauthorized {
                method,
                key_given: self.api_key.is_some(),
                message,
            }
        } else {
            RequestError::Refused {
                method,
                code,
                message,
            }
        }
    }
}

/// Whether a call was refused for lack of authorization. JSON-RPC turns HTTP's 401 into "invalid params", so only the
/// message shows it.
fn is_access_refusal(message: &str) -> bool {
    let message = message.trim().to_ascii_lowercase();
    let whole = [
        "forbidden",
        "invalid api key",
        "authentication required",
        "not authorized",
    ];
    message.starts_with("unauthorized") || whole.contains(&message.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::is_access_refusal;

    #[test]
    fn refusals_of_access_are_known_by_their_words() {
        for message in [
            "Unauthorized",
            "unauthorized: login needed",
            "Invalid API Key",
            "FORBIDDEN",
            "Forbidden.",
        ] {
            assert!(is_access_refusal(message), "{message}");
        }
        for message in [
            "",
            "Method not found",
            "Invalid params",
            "File is forbidden for now",
            "API Key",
        ] {
            assert!(!is_access_refusal(message), "{message}");
        }
    }
}
