//! Why a request failed: a sentence, and a stable code with the variable parts of the sentence, so that clients can
//! translate it.

use serde::Serialize;
use store::Refusal;
use strum_macros::EnumDiscriminants;
use utoipa::ToSchema;

/// Why a request failed. Displays as an English sentence.
///
/// The name of a variant is its code in the API, and its fields are the `params` there.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, EnumDiscriminants)]
#[serde(untagged)]
#[strum_discriminants(
    name(ProblemCode),
    vis(pub(crate)),
    derive(Serialize, ToSchema),
    serde(rename_all = "snake_case"),
    doc = "Stable name of an error."
)]
pub(crate) enum Fault {
    #[error("{field}: {message}")]
    InvalidField { field: String, message: String },
    #[error("{count} fields are invalid")]
    InvalidFields { count: usize },

    #[error("nothing is served at {path}")]
    RouteNotFound { path: String },
    #[error("{path} does not support {method}")]
    MethodNotAllowed { path: String, method: String },
    #[error("the documentation has no such file")]
    DocumentationNotFound,
    #[error("there is no job {id}")]
    JobNotFound { id: i64 },
    #[error("job {id} has no details")]
    DetailsNotFound { id: i64 },
    #[error("job {id} has no image")]
    ImageNotFound { id: i64 },
    #[error("there is no printer {id}")]
    PrinterNotFound { id: i64 },
    #[error("there is no reason {id}")]
    VerdictReasonNotFound { id: i64 },
    #[error("there is no API key {id}")]
    KeyNotFound { id: i64 },

    #[error("this job is being printed; cancel the print first, or wait for its end")]
    JobIsPrinting,
    #[error(
        "job {id} is not among the deleted jobs: it was never deleted, was restored, or its time is over"
    )]
    JobNotDeleted { id: i64 },
    #[error("the same run was recorded again meanwhile, as job {id}")]
    JobRecordedAgain { id: i64 },
    #[error("the printer has {count} jobs; use `delete_jobs=true` to delete them, too")]
    PrinterHasJobs { count: u64 },
    #[error(
        "this is the last valid key with the scope `admin`; create another one first, or revoke it with `printlog keys revoke`"
    )]
    LastAdminKey,
    #[error("the configuration file sets the currency (api.currency)")]
    CurrencyConfigured,
    #[error(
        "the cursor belongs to a list with another `sort`; start with the first page, or use the same `sort`"
    )]
    CursorOfOtherSort,

    #[error("this route needs an API key, sent as `Authorization: Bearer 3dp_…`")]
    KeyNeeded,
    #[error("this API key is unknown, expired or revoked")]
    KeyRefused,
    #[error("the session has ended; sign in again")]
    SessionEnded,
    #[error("this API key has the scope `read`; this route needs the scope `admin`")]
    ScopeTooSmall,
    #[error("too many attempts have failed; try again in {seconds} s")]
    TooManyAttempts { seconds: u64 },
    #[error("changes that a page of another site requests are refused")]
    OtherSite,
    #[error(
        "changes that a page of {origin} requests are refused: the request came with {received}. If {origin} is the address of this server, its proxy must pass the header `Host` with the port, as nginx does with `proxy_set_header Host $http_host;` but not with `$host`, or send the same in `X-Forwarded-Host`"
    )]
    OtherOrigin { origin: String, received: String },

    #[error("the body must be JSON, sent with the header `Content-Type: application/json`")]
    BodyNotSentAsJson,
    #[error("the body must be a file, sent with the header `Content-Type: application/octet-stream`")]
    BodyNotSentAsFile,
    #[error("the body is not JSON: {detail}")]
    BodyNotJson { detail: String },
    #[error("the body is larger than {limit}")]
    BodyTooLarge { limit: String },
    #[error("the body could not be read completely")]
    BodyIncomplete,
    #[error("the body did not arrive within {seconds} s")]
    BodyTooSlow { seconds: u64 },
    #[error("the path is not UTF-8 text")]
    PathNotText,

    #[error("the server is starting and waits for its database")]
    WaitsForDatabase,
    #[error("another server holds the recording lease of this database; this server waits for it")]
    WaitsForLease,
    #[error("the server has reached its limit of connections; try again in a few seconds")]
    ServerFull,
    #[error(
        "there are too many connections from this address; close some, and if it is a proxy with many clients, add it to api.trusted_proxies"
    )]
    ClientHasManyConnections,
    #[error("the request timed out")]
    RequestTimedOut,
    #[error("{limit} exports are already being sent; try again when one has finished")]
    TooManyExports { limit: usize },
    #[error("too many clients receive live events")]
    TooManyViewers,
    #[error("{detail}")]
    DiscoveryFailed { detail: String },
    #[error("cannot encrypt the API key of a printer: {detail}")]
    NoSecret { detail: String },
    #[error("the disk of the database is full; free some space and try again")]
    DiskFull,
    #[error("the database is read-only; see the server's log, and run `printlog check` for the reason")]
    DatabaseReadOnly,
    #[error("the disk of the database reports errors; see the server's log")]
    DiskFails,
    #[error("the database does not respond")]
    DatabaseDoesNotRespond,
    #[error("the server failed; see its log")]
    Internal,
}

/// Why the database refuses writes.
impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::DiskFull => Self::DiskFull,
            Refusal::ReadOnly => Self::DatabaseReadOnly,
            Refusal::DiskFails => Self::DiskFails,
        }
    }
}
