//! What is wrong with a value that a user entered: a sentence, and a stable code with the variable parts of the
//! sentence, so that clients can translate it.

use serde::Serialize;
use serde_json::{Map, Value};
use strum_macros::EnumDiscriminants;
use utoipa::ToSchema;

/// What is wrong and what is allowed. Displays as an English sentence about the field.
///
/// The name of a variant is its code in the API, and its fields are the `params` there.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, EnumDiscriminants)]
#[serde(untagged)]
#[strum_discriminants(
    name(InvalidCode),
    vis(pub(crate)),
    derive(Serialize, ToSchema),
    serde(rename_all = "snake_case"),
    doc = "Stable name of a message about a field."
)]
pub(crate) enum Invalid {
    /// A body that is a list.
    #[error("must be an object, not a list")]
    NotObject,
    /// A field of the body is missing.
    #[error("is missing")]
    Missing,
    /// A field of the body occurs twice.
    #[error("occurs twice")]
    Duplicate,
    /// The route does not know this field of the body.
    #[error("{detail}")]
    UnknownField { detail: String },
    /// Another type of JSON value than the field has.
    #[error("{detail}")]
    WrongType { detail: String },
    /// The route does not know this parameter.
    #[error("unknown parameter; allowed are {}", .allowed.join(", "))]
    UnknownParameter { allowed: Vec<&'static str> },
    /// The route has no parameters.
    #[error("unknown parameter; this route has no parameters")]
    NoParameters,
    #[error("must be given only once")]
    GivenTwice,
    #[error("must be a whole number from {min} to {max}")]
    NotWholeNumber { min: Value, max: Value },
    #[error("must be a number from {min} to {max}")]
    NotNumber { min: u64, max: u64 },
    #[error("must be true or false")]
    NotTrueOrFalse,
    #[error("must not contain a null character")]
    NullCharacter,
    #[error("must not contain line breaks or other control characters")]
    ControlCharacter,
    #[error("must have 1 to {max} characters")]
    WrongLength { max: usize },
    #[error("must have 1 to {max} entries")]
    WrongCount { max: usize },
    #[error("must be one of {}", .allowed.join(", "))]
    NotAllowed { allowed: Vec<&'static str> },
    #[error("must be a date such as 2026-01-31 or an instant such as 2026-01-31T12:00:00Z")]
    NotInstant,
    #[error("is not a cursor; use `next` of the previous page, unchanged")]
    NotCursor,
    #[error(
        "`{value}` is not a time zone that this server knows; must be an IANA name such as Europe/Berlin, or an offset \
         such as +02:00"
    )]
    UnknownTimeZone { value: String },
    #[error("must be a currency of ISO 4217, such as EUR")]
    NotCurrency,
    #[error("must not contain a comma")]
    Comma,
    #[error("must have at most {max} tags")]
    TooManyTags { max: usize },
    #[error("is not one of the reasons in `/api/verdict-reasons`; add it there first")]
    UnknownVerdictReason,
    #[error("needs a verdict")]
    VerdictNeeded,
    #[error("there is already a printer named `{name}`")]
    NameTaken { name: String },
    #[error("the printer's address is empty")]
    AddressEmpty,
    #[error("cannot read `{url}` as an address; expected a host or a URL such as http://voron.local:7125")]
    AddressUnreadable { url: String },
    #[error(
        "`{url}` is not a valid address; expected a host name, or an IP address such as 192.168.1.20 or [fe80::1], in ASCII"
    )]
    AddressNotPlain { url: String },
    #[error("`{scheme}` addresses are not supported; use http, https, ws or wss")]
    AddressScheme { scheme: String },
    #[error("a printer's address must not have a {part}")]
    AddressPart { part: &'static str },
    #[error("the API key has characters that cannot be sent; copy it again from Moonraker")]
    KeyCharacters,
    #[error(
        "is stored for {url}, and is not sent to another scheme, host or port; give the key again, or null"
    )]
    KeyOfOtherAddress { url: String },
}

/// The fields of a message by name. Empty if it has none.
pub(crate) fn params(message: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(message) {
        Ok(Value::Object(params)) => params,
        // A message without fields.
        Ok(_) | Err(_) => Map::new(),
    }
}
