//! Responses as JSON or CSV: both have the same fields, and the same numbers to the last digit.

use axum::{
    Json,
    http::header,
    response::{IntoResponse as _, Response},
};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::{
    api::{
        analytics::query::Format,
        http::error::{ApiResult, Problem},
    },
    export::formula::escape_formula,
};

/// Writes the response. A row is a flat view of a part of `body`.
pub(super) fn respond<B: Serialize, R: Serialize + Default>(
    format: Format,
    body: &B,
    rows: impl FnOnce(&B) -> Vec<R>,
) -> ApiResult<Response> {
    let mut response = match format {
        Format::Json => Json(body).into_response(),
        Format::Csv => {
            let bytes = csv(&rows(body)).map_err(|_| Problem::internal())?;
            ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response()
        }
    };
    let varies = header::HeaderValue::from_static("accept");
    response.headers_mut().insert(header::VARY, varies);
    Ok(response)
}

fn csv<R: Serialize + Default>(rows: &[R]) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::Writer::from_writer(Vec::new());
    // An empty table also has a header.
    let columns = cells(&R::default())?;
    table.write_record(columns.iter().map(|(name, _)| name))?;
    for row in rows {
        table.write_record(cells(row)?.iter().map(|(_, cell)| cell))?;
    }
    table
        .into_inner()
        .map_err(|cause| csv::Error::from(cause.into_error()))
}

/// Names and values of a row's cells. Nested field names are joined.
fn cells(row: &impl Serialize) -> Result<Vec<(String, String)>, csv::Error> {
    let error = |cause: serde_json::Error| csv::Error::from(std::io::Error::from(cause));
    // Serialising to text preserves the order of the fields.
    let text = serde_json::to_string(row).map_err(error)?;
    let fields: IndexMap<String, Value> = serde_json::from_str(&text).map_err(error)?;
    let mut cells = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Object(inner) => {
                cells.extend(
                    inner
                        .into_iter()
                        .map(|(part, value)| (format!("{name}_{part}"), cell(&value))),
                );
            }
            value => {
                let text = cell(&value);
                cells.push((name, text));
            }
        }
    }
    Ok(cells)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape_formula(text).into_owned(),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().map(cell).filter(|part| !part.is_empty()).collect();
            parts.join("; ")
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .values()
                .map(cell)
                .filter(|field| !field.is_empty())
                .collect();
            fields.join(" ")
        }
        other => other.to_string(),
    }
}
