//! Settings of the server that users change.

use std::sync::LazyLock;

use axum::{Json, extract::State};
use iso_currency::Currency;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::{ApiResult, Problem},
            extract::{JsonBody, NoQuery},
            fault::Fault,
        },
        state::{ApiState, Core},
    },
    input::Invalid,
};

/// Currency of costs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrencySetting {
    /// Currency of the costs of files that name none. `null` if it is not set.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// Where it is set: in the configuration file (`api.currency`), which users cannot change here, or by a user. `null`
    /// if it is not set.
    source: Option<CurrencySource>,
    /// The currencies that can be set, by their codes.
    #[schema(example = json!(["CHF", "EUR", "USD"]))]
    choices: Vec<&'static str>,
}

/// Where the currency is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CurrencySource {
    Config,
    User,
}

/// A currency to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCurrency {
    /// Code of ISO 4217. `null` removes the setting.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, pattern = "^[A-Z]{3}$", example = "EUR")]
    currency: Option<String>,
}

/// Show the currency
#[utoipa::path(get, path = "/api/settings/currency", tag = "settings", responses((status = 200, body = CurrencySetting)))]
pub(crate) async fn get_currency(
    State(state): State<ApiState>,
    core: Core,
    _: NoQuery,
) -> ApiResult<Json<CurrencySetting>> {
    Ok(Json(CurrencySetting::new(&state, &core)))
}

/// Set the currency
///
/// Changes the costs of files that name no currency, in lists and analytics, at once. 409 if the configuration file sets it.
#[utoipa::path(put, path = "/api/settings/currency", tag = "settings", request_body = NewCurrency, responses(
    (status = 200, body = CurrencySetting),
    (status = 409, body = Problem, content_type = "application/problem+json",
        description = "The configuration file sets the currency."),
))]
pub(crate) async fn set_currency(
    State(state): State<ApiState>,
    core: Core,
    _: NoQuery,
    JsonBody(body): JsonBody<NewCurrency>,
) -> ApiResult<Json<CurrencySetting>> {
    if state.currency.is_some() {
        return Err(Problem::conflict(Fault::CurrencyConfigured));
    }
    if let Some(code) = &body.currency
        && !CHOICES.contains(&code.as_str())
    {
        return Err(Problem::invalid_field("currency", Invalid::NotCurrency));
    }
    core.store.set_currency(body.currency.as_deref()).await?;
    Ok(Json(CurrencySetting::new(&state, &core)))
}

impl CurrencySetting {
    fn new(state: &ApiState, core: &Core) -> Self {
        let currency = core.store.currency();
        Self {
            source: currency.as_ref().map(|_| match state.currency {
                Some(_) => CurrencySource::Config,
                None => CurrencySource::User,
            }),
            currency: currency.as_deref().map(str::to_owned),
            choices: CHOICES.clone(),
        }
    }
}

/// The codes of the currencies that people pay with, in alphabetical order.
static CHOICES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let all = (0..1000).filter_map(Currency::from_numeric);
    let mut codes: Vec<_> = all
        .filter(|currency| {
            !currency.is_special() && !currency.is_fund() && currency.is_superseded().is_none()
        })
        .map(|currency| currency.code())
        .collect();
    codes.sort_unstable();
    codes
});
