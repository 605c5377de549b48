//! Parameters that all analytics routes share.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use domain::JobFilter;
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

/// Which printers.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter that `AnalyticsQuery` reads")]
pub(super) struct PrinterParameters {
    /// Only of these printers. May be repeated; several may also stand in one value, between commas.
    #[param(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    printer_id: Option<Vec<i64>>,
}

/// Which of their jobs, on which clocks, and how the answer is written.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameters that `AnalyticsQuery` reads")]
pub(super) struct JobParameters {
    /// Only with one of these statuses. May be repeated; several may also stand in one value, between commas.
    #[param(value_type = Option<Vec<schema_enums::JobStatus>>)]
    status: Option<Vec<String>>,
    /// Only of this material, as the slicer calls it.
    #[param(min_length = 1, max_length = 255, pattern = r"^[^\x00]*$", example = "PLA")]
    filament_type: Option<String>,
    /// Only of files that this slicer made, by its name.
    #[param(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\x00]*$",
        example = "OrcaSlicer"
    )]
    slicer: Option<String>,
    /// Only those that a user gave one of these verdicts. May be repeated; several may also stand in one value, between
    /// commas.
    #[param(value_type = Option<Vec<schema_enums::JobVerdict>>)]
    verdict: Option<Vec<String>>,
    /// Only those that a user gave one of these tags, without regard to case. May be repeated.
    #[param(value_type = Option<Vec<Tag>>)]
    tag: Option<Vec<String>>,
    /// Only those whose file name contains this, or a user's title, notes or tag; without regard to case.
    #[param(min_length = 1, max_length = 255, pattern = r"^[^\x00]*$")]
    q: Option<String>,
    /// Only those that started then or later: RFC 3339, or a date, whose first instant in `tz` is meant.
    #[param(inline, example = "2026-01-31")]
    since: Option<Instant>,
    /// Only those that started earlier: RFC 3339, or a date, whose first instant in `tz` is meant.
    #[param(inline, example = "2026-01-31T12:00:00Z")]
    until: Option<Instant>,
    /// Time zone of days and hours, by its IANA name. `api.timezone` of the configuration if left out.
    #[param(value_type = Option<schema_enums::TimeZone>, example = "Europe/Berlin")]
    tz: Option<String>,
    /// How the answer is written. As the header `Accept` says if left out, else `json`.
    #[param(value_type = Option<schema_enums::TableFormat>)]
    format: Option<String>,
}

/// The parsed parameters of an analytics request.
pub(super) struct AnalyticsQuery {
    pub(super) filter: JobFilter,
    pub(super) zone: TimeZone,
    pub(super) format: Format,
}

/// Format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

/// Which jobs an answer is about, by when they started.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Period)]
pub(super) struct PeriodBody {
    /// `null`: since ever.
    pub(super) since: Option<Timestamp>,
    /// `null`: until now.
    pub(super) until: Option<Timestamp>,
    /// IANA name of the time zone that days and hours are of.
    #[schema(value_type = String, example = "Europe/Berlin")]
    pub(super) tz: String,
}

impl Format {
    pub(crate) const ALL: [Self; 2] = [Self::Json, Self::Csv];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }

    /// The first media type in `Accept` that we support.
    fn accepted(headers: &HeaderMap) -> Self {
        let values = headers.get_all(header::ACCEPT).iter();
        let types = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        types
            .filter_map(|part| match part.split(';').next()?.trim() {
                "text/csv" => Some(Self::Csv),
                "application/json" | "application/*" | "*/*" => Some(Self::Json),
                _ => None,
            })
            .next()
            .unwrap_or(Self::Json)
    }
}

impl AnalyticsQuery {
    /// Parses the parameters. `printer_id` is only taken where several printers are possible.
    pub(super) fn take(query: &mut Query, parts: &Parts, state: &ApiState, several_printers: bool) -> Self {
        let zone = query.one("tz", |name| {
            time_zone::named_or_fixed(name).ok_or_else(|| {
                format!(
                    "`{name}` is no time zone that this server knows; must be an IANA name such as Europe/Berlin, or an \
                     offset such as +02:00"
                )
            })
        });
        let zone = zone.unwrap_or_else(|| state.zone.clone());
        let format = query.one("format", |word| {
            let known = Format::ALL.into_iter().find(|format| format.as_str() == word);
            known.ok_or_else(|| "must be json or csv".to_owned())
        });
        let printer_ids = match several_printers {
            true => jobs::printer_ids(query),
            false => Vec::new(),
        };
        Self {
            filter: JobFilter {
                printer_ids,
                ..jobs::filter(query, &zone)
            },
            zone,
            format: format.unwrap_or_else(|| Format::accepted(&parts.headers)),
        }
    }

    pub(super) fn period(&self) -> PeriodBody {
        PeriodBody {
            since: self.filter.since,
            until: self.filter.until,
            tz: time_zone::name(&self.zone),
        }
    }
}

impl FromRequestParts<ApiState> for AnalyticsQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let mut query = Query::new(parts.uri.query());
        let asked = Self::take(&mut query, parts, state, true);
        query.finish(asked)
    }
}

/// The same for one printer.
pub(super) struct OfPrinter(pub(super) AnalyticsQuery);

impl FromRequestParts<ApiState> for OfPrinter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let mut query = Query::new(parts.uri.query());
        let asked = AnalyticsQuery::take(&mut query, parts, state, false);
        query.finish(Self(asked))
    }
}

/// Parses a parameter that is one of several words.
pub(super) fn word<T: Copy>(
    all: impl IntoIterator<Item = T>,
    as_str: fn(T) -> &'static str,
) -> impl FnOnce(&str) -> Result<T, String> {
    let all: Vec<T> = all.into_iter().collect();
    move |word| {
        let known = all.iter().copied().find(|one| as_str(*one) == word);
        known.ok_or_else(|| {
            let words: Vec<_> = all.iter().map(|one| as_str(*one)).collect();
            format!("must be one of {}", words.join(", "))
        })
    }
}

/// Parses an integer.
pub(super) use query::whole;

use crate::{
    api::{
        http::{
            error::Problem,
            query::{self, Query},
        },
        jobs::{self, Instant, notes::Tag},
        schema_enums,
        state::ApiState,
    },
    config::time_zone,
};
