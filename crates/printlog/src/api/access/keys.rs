//! API keys: listing, creating and revoking.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{ApiKey, KeyId, KeyScope, NewKey, RevokedKey, Store};
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::{JsonBody, NoQuery, PathId},
            fault::Fault,
        },
        schema_enums,
        state::{ApiState, Core},
    },
    input::{self, KEY_NAME},
};

/// An API key, without the secret itself, which is not stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct KeyBody {
    pub(crate) id: i64,
    /// Purpose of the key.
    pub(crate) name: String,
    /// `3dp_` and the next 8 characters of the key.
    #[schema(example = "3dp_k3Yx9QpL")]
    pub(crate) key_prefix: String,
    #[schema(value_type = schema_enums::KeyScope)]
    pub(crate) scope: &'static str,
    /// `false` if it has been revoked.
    pub(crate) is_active: bool,
    /// Last use, to the minute. `null` if it was never used.
    pub(crate) last_used: Option<Timestamp>,
    pub(crate) created_at: Timestamp,
    /// Time of expiry. `null` if it never expires.
    pub(crate) expires_at: Option<Timestamp>,
}

/// A new API key.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
pub(crate) struct CreatedKeyBody {
    /// The key. Only this response contains it: the server stores a hash.
    #[schema(example = "3dp_k3Yx9QpLvT0aGm5ZrB8nC1dEeFfHhJjKkLlMmNnPpQq")]
    pub(crate) key: String,
    #[serde(flatten)]
    pub(crate) record: KeyBody,
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// Oldest first, including revoked and expired keys.
    pub(crate) items: Vec<KeyBody>,
}

/// A key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub(crate) struct NewKeyBody {
    /// Purpose of the key.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00]*\S[^\x00]*$",
        example = "laptop"
    )]
    name: String,
    /// Scope: `read` for jobs and the state of printers, or `admin` (the default) for everything.
    #[serde(default)]
    #[schema(value_type = schema_enums::KeyScope, required = false)]
    scope: Scope,
    /// Time of expiry. If `null` or omitted, the key never expires.
    #[serde(default)]
    #[schema(example = "2099-01-31T00:00:00Z")]
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Read,
    #[default]
    Admin,
}

impl From<Scope> for KeyScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Read => Self::Read,
            Scope::Admin => Self::Admin,
        }
    }
}

/// List API keys
#[utoipa::path(get, path = "/api/admin/keys", tag = "keys", responses((status = 200, body = KeyList)))]
pub(crate) async fn list_keys(core: Core, _: NoQuery) -> ApiResult<Json<KeyList>> {
    Ok(Json(KeyList::read(&core.store).await?))
}

/// Create an API key
///
/// Only this response contains the key itself.
#[utoipa::path(post, path = "/api/admin/keys", tag = "keys", request_body = NewKeyBody, responses(
    (status = 201, body = CreatedKeyBody, headers(("Location" = String, description = "Path of the key."))),
))]
pub(crate) async fn create_key(
    State(state): State<ApiState>,
    core: Core,
    _: NoQuery,
    JsonBody(body): JsonBody<NewKeyBody>,
) -> ApiResult<impl IntoResponse> {
    let now = state.clock.now();
    let name =
        input::name(&body.name, KEY_NAME).map_err(|invalid| Problem::invalid_field("name", invalid))?;
    let key = core
        .store
        .create_key(&name, body.scope.into(), body.expires_at, now)
        .await?;
    let location = format!("/api/admin/keys/{}", key.record.id.0);
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, location)],
        Json(CreatedKeyBody::from(key)),
    ))
}

/// Revoke an API key
///
/// Takes effect at once. The last valid key with the scope `admin` cannot be revoked over the API, only on the command
/// line.
#[utoipa::path(delete, path = "/api/admin/keys/{id}", tag = "keys",
    params(("id" = i64, Path, minimum = 1, maximum = 9_007_199_254_740_991_i64, description = "The key.")),
    responses(
        (status = 204, description = "Revoked, now or earlier."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No such key."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "It is the last valid key with the scope `admin`."),
    ))]
pub(crate) async fn revoke_key(
    State(state): State<ApiState>,
    core: Core,
    id: PathId,
    _: NoQuery,
) -> ApiResult<StatusCode> {
    match core
        .store
        .revoke_key(KeyId(id.0), true, state.clock.now())
        .await?
    {
        RevokedKey::Revoked => {
            core.live.access_changed();
            Ok(StatusCode::NO_CONTENT)
        }
        RevokedKey::NotFound => Err(Problem::not_found(Fault::KeyNotFound { id: id.0 })),
        RevokedKey::LastKey => Err(Problem::conflict(Fault::LastAdminKey)),
    }
}

impl KeyList {
    pub(crate) async fn read(store: &Store) -> store::Result<Self> {
        Ok(Self {
            items: store.keys().await?.into_iter().map(KeyBody::from).collect(),
        })
    }
}

impl From<ApiKey> for KeyBody {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name,
            key_prefix: key.key_prefix,
            scope: key.scope.as_str(),
            is_active: key.is_active,
            last_used: key.last_used,
            created_at: key.created_at,
            expires_at: key.expires_at,
        }
    }
}

impl From<NewKey> for CreatedKeyBody {
    fn from(key: NewKey) -> Self {
        Self {
            key: key.secret,
            record: key.record.into(),
        }
    }
}
