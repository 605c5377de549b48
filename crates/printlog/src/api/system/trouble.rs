//! What is wrong with a part of the server: a sentence, and a stable code with the variable parts of the sentence.

use serde::Serialize;
use serde_json::{Map, Value};
use strum_macros::EnumDiscriminants;
use utoipa::ToSchema;

use crate::{api::http::fault::Fault, input::params};

/// What is wrong with a part of the server. Displays as an English sentence about it.
///
/// The name of a variant is its code in the API, and its fields are the `params` there.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, EnumDiscriminants)]
#[serde(untagged)]
#[strum_discriminants(
    name(TroubleCode),
    vis(pub(crate)),
    derive(Serialize, ToSchema),
    serde(rename_all = "snake_case"),
    doc = "Stable name of a trouble."
)]
pub(crate) enum Trouble {
    #[error("waits for the recording lease, which another server holds")]
    WaitsForLease,
    #[error("waits for the database")]
    WaitsForDatabase,
    #[error("the database has not responded since the start; retrying")]
    NotYetResponded,
    #[error("has stopped; see the log")]
    Stopped,
    #[error(
        "changes of jobs of {count} printers wait for the database; they are in memory, and writing is retried"
    )]
    ChangesWait { count: u64 },
    #[error(
        "{count} printers are not recorded, because the database refuses writes; connecting is retried until it accepts them"
    )]
    NotRecorded { count: u64 },
    #[error(
        "the database refuses details of jobs; they are read from the printers again until it accepts them"
    )]
    DetailsRefused,
    #[error("a scheduled backup has failed: {detail}; it is retried, see the log")]
    BackupFailed { detail: String },
    #[error("expired data cannot be removed: {detail}; see the log")]
    RetentionFailed { detail: String },
    #[error("there is no secret to encrypt them with (database.secret_file); see the log")]
    NoSecret,
    #[error(
        "the keys of {count} printers cannot be decrypted: the secret (database.secret_file) is missing or a different one; restore the right file, or enter the keys again"
    )]
    KeysUnreadable { count: u64 },
    #[error("its file is damaged; stop the server and restore a backup with `printlog restore`; see the log")]
    Damaged,
    #[error("can be read, but refused the last write: {}", Fault::DiskFull)]
    DiskFull,
    #[error("can be read, but refused the last write: {}", Fault::DatabaseReadOnly)]
    ReadOnly,
    #[error("can be read, but refused the last write: {}", Fault::DiskFails)]
    DiskFails,
    #[error("does not respond; see the log")]
    DoesNotRespond,
    #[error("does not respond in time")]
    TooSlow,
}

/// A trouble of a part.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthTrouble)]
pub(crate) struct TroubleBody {
    /// Stable name of the trouble, for programs and translations.
    code: TroubleCode,
    /// Variable parts of the sentence by name: texts and numbers. Empty if there are none.
    #[schema(value_type = Object, example = json!({"count": 2}))]
    params: Map<String, Value>,
}

impl From<&Trouble> for TroubleBody {
    fn from(trouble: &Trouble) -> Self {
        Self {
            code: trouble.into(),
            params: params(trouble),
        }
    }
}
