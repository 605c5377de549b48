//! Parameters that all analytics routes share.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use domain::{JobFilter, UnknownName};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use strum_macros::{EnumString, IntoStaticStr, VariantArray};
use utoipa::ToSchema;

use crate::{
    api::{
        http::{
            error::Problem,
            query::{Parameters, QueryReader, parameters},
        },
        schema_enums,
        state::ApiState,
    },
    config::time_zone,
    input::{self, Invalid},
};

pub(super) use crate::api::jobs::{FilterParameters, PrinterParameters};

parameters! {
    /// Time zone and format of the response.
    pub(super) struct TableParameters {
        /// Time zone of days and hours: an IANA name, or an offset such as `+02:00`. Defaults to `api.timezone` of the
        /// configuration.
        #[param(value_type = Option<schema_enums::TimeZone>, example = "Europe/Berlin")]
        tz: Option<TimeZone> = one(time_zone),
        /// Format of the response. Defaults to the one that the header `Accept` requests, else `json`.
        #[param(value_type = Option<schema_enums::TableFormat>)]
        format: Option<Format> = one(input::word),
    }
}

/// The parameters of an analytics request: those of one route (`P`), and those that all routes share.
pub(super) struct AnalyticsQuery<P = ()> {
    pub(super) own: P,
    pub(super) asked: Asked,
    pub(super) format: Format,
}

/// Which jobs a request is about, and where days begin.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) filter: JobFilter,
    pub(super) zone: TimeZone,
}

/// Format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub(crate) enum Format {
    Json,
    Csv,
}

/// The period of the response, by start of the jobs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Period)]
pub(super) struct PeriodBody {
    /// Start of the period. `null` if unlimited.
    pub(super) since: Option<Timestamp>,
    /// End of the period. `null` if unlimited.
    pub(super) until: Option<Timestamp>,
    /// Time zone of days and hours: an IANA name, or an offset such as `+02:00`.
    #[schema(value_type = String, example = "Europe/Berlin")]
    pub(super) tz: String,
}

impl Format {
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

impl<P: Parameters> AnalyticsQuery<P> {
    /// Reads the parameters. `printer_id` is only read for routes over several printers.
    fn read(parts: &Parts, state: &ApiState, several_printers: bool) -> Result<Self, Problem> {
        let mut query = QueryReader::new(parts.uri.query());
        let own = P::read(&mut query);
        let table = TableParameters::read(&mut query);
        let zone = table.tz.unwrap_or_else(|| state.zone.clone());
        query.zone = zone.clone();
        let printers = several_printers.then(|| PrinterParameters::read(&mut query));
        let filter = FilterParameters::read(&mut query);
        let filter = match printers {
            Some(printers) => filter.of_printers(printers),
            None => filter.of_all_printers(),
        };
        query.finish(Self {
            own,
            asked: Asked { filter, zone },
            format: table.format.unwrap_or_else(|| Format::accepted(&parts.headers)),
        })
    }
}

impl Asked {
    pub(super) fn period(&self) -> PeriodBody {
        PeriodBody {
            since: self.filter.since,
            until: self.filter.until,
            tz: time_zone::name(&self.zone),
        }
    }
}

impl<P: Parameters> FromRequestParts<ApiState> for AnalyticsQuery<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Self::read(parts, state, true)
    }
}

/// The same for one printer.
pub(super) struct OfPrinter(pub(super) AnalyticsQuery);

impl FromRequestParts<ApiState> for OfPrinter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        AnalyticsQuery::read(parts, state, false).map(Self)
    }
}

/// The zone with a name, or an offset.
pub(crate) fn time_zone(name: &str) -> Result<TimeZone, Invalid> {
    time_zone::named_or_fixed(name).ok_or_else(|| Invalid::UnknownTimeZone {
        value: name.to_owned(),
    })
}
