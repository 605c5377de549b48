//! Why a printer is not connected, as the API returns it.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{
    connection_trouble::{ConnectionTrouble, ConnectionTroubleCode},
    input::params,
};

/// Why a printer is not connected, or cannot be recorded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionTrouble)]
pub(crate) struct TroubleBody {
    /// Stable name of the reason, for programs and translations.
    code: ConnectionTroubleCode,
    /// Variable parts of the sentence by name: texts and numbers. Empty if there are none.
    #[schema(value_type = Object, example = json!({"host": "voron.local", "port": 7125}))]
    params: Map<String, Value>,
}

impl From<&ConnectionTrouble> for TroubleBody {
    fn from(trouble: &ConnectionTrouble) -> Self {
        Self {
            code: trouble.into(),
            params: params(trouble),
        }
    }
}
