//! The OpenAPI document: the descriptions of all handlers, and what they have in common.

use axum::http::Method;
use store::KeyScope;
use utoipa::{
    OpenApi,
    openapi::{
        Components, Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder, Schema,
        path::Operation,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    api::{
        access::{auth, session},
        http::error,
        router::{admin_routes, data_routes, open_routes},
        schema_enums,
    },
    input::FieldError,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "printlog",
        description = "Records every print of every Klipper printer, exactly once and correctly.\n\n\
            Send an API key with each request, as `Authorization: Bearer 3dp_…`. `printlog keys create NAME` creates \
            one, with `--scope read` a read-only one. The `security` of a route gives the scope that it needs. Browsers \
            sign in once with a key, by `POST /api/session`.\n\n\
            Instants are RFC 3339 in UTC, durations are seconds, lengths of filament are millimetres, temperatures are °C. \
            Unknown values are `null`, never 0. Errors are `application/problem+json` (RFC 9457); `errors` names the \
            invalid fields. `code` is the stable name of an error or a message, and `params` has its variable parts.",
        license(name = "GPL-3.0-or-later", identifier = "GPL-3.0-or-later"),
    ),
    servers((url = "/")),
    tags(
        (name = "printers", description = "The recorded printers."),
        (name = "jobs", description = "Recorded jobs."),
        (name = "analytics", description = "Figures over many jobs, as JSON or as CSV for spreadsheets."),
        (name = "settings", description = "Settings of the server that users change."),
        (name = "keys", description = "API keys."),
        (name = "session", description = "Sessions of browsers."),
        (name = "health", description = "State of the server."),
    ),
    components(schemas(
        error::Problem,
        FieldError,
        schema_enums::TimeZone,
        schema_enums::TableFormat,
        schema_enums::Language,
        schema_enums::HeatmapView,
        schema_enums::StatusFilter,
        schema_enums::WordOrUnknown,
        schema_enums::ComparisonBase,
        schema_enums::FileOrder,
    )),
)]
struct Description;

const BEARER: &str = "api_key";
const COOKIE: &str = "session";

/// Responses that any route may return, by component name.
const SHARED: [(&str, &str, &str); 9] = [
    ("BadRequest", "400", "The request cannot be read."),
    (
        "Unauthorized",
        "401",
        "The API key is missing, unknown, expired or revoked.",
    ),
    (
        "Forbidden",
        "403",
        "The key has the scope `read` and the route needs `admin`; or a page of another site sent the request with a session cookie.",
    ),
    ("TooLarge", "413", "The body is too large."),
    ("NotJson", "415", "The body was not sent as JSON."),
    (
        "Invalid",
        "422",
        "The request is invalid; `errors` names the fields.",
    ),
    (
        "TooMany",
        "429",
        "Too many invalid keys from this address; wait for `Retry-After`.",
    ),
    ("Failed", "500", "The server failed. See its log."),
    (
        "Unavailable",
        "503",
        "Temporarily unavailable: the server is starting or overloaded.",
    ),
];

/// Schemas whose fields may be omitted: request bodies, and problems, which have only the fields they need.
const OPTIONAL_FIELDS: [&str; 6] = [
    "JobPatch",
    "NewApiKey",
    "FieldError",
    "PrinterInput",
    "PrinterTestInput",
    "Problem",
];

/// The OpenAPI 3.1 document of the API.
#[must_use]
pub fn document() -> Document {
    let mut document = Description::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    let (_, mut data) = data_routes().split_for_parts();
    for (method, operation) in operations(&mut data) {
        require_scope(operation, auth::needed_for(&method));
    }
    let (_, mut admin) = admin_routes().split_for_parts();
    for (_, operation) in operations(&mut admin) {
        require_scope(operation, KeyScope::Admin);
    }
    let (_, open) = open_routes().split_for_parts();
    for documented in [data, admin, open] {
        document.merge(documented);
    }
    for (_, operation) in operations(&mut document) {
        add_shared_responses(operation);
    }
    let components = document.components.get_or_insert_with(Components::new);
    for (name, schema) in &mut components.schemas {
        if !OPTIONAL_FIELDS.contains(&name.as_str()) {
            require_all_fields(schema);
        }
    }
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some("An API key: `3dp_` followed by 43 characters.".to_owned());
    components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    let cookie = ApiKeyValue::with_description(
        session::COOKIE,
        "The session that `POST /api/session` opened. The name ends with `_` and eight digits that identify the database. \
         With a session, only pages of this server may change anything.",
    );
    components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for (name, _, description) in SHARED {
        components
            .responses
            .insert(name.to_owned(), RefOr::T(problem(description)));
    }
    document
}

fn operations(document: &mut Document) -> impl Iterator<Item = (Method, &mut Operation)> {
    document.paths.paths.values_mut().flat_map(|item| {
        [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::PATCH, &mut item.patch),
            (Method::DELETE, &mut item.delete),
        ]
        .into_iter()
        .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
    })
}

/// Declares the scope that a key needs, as an OpenAPI 3.1 role.
fn require_scope(operation: &mut Operation, scope: KeyScope) {
    let by = |scheme| SecurityRequirement::new(scheme, [scope.as_str()]);
    operation.security = Some(vec![by(BEARER), by(COOKIE)]);
    add_response(operation, "401");
    add_response(operation, "429");
    if scope == KeyScope::Admin {
        add_response(operation, "403");
    }
}

fn add_shared_responses(operation: &mut Operation) {
    let has_body = operation.request_body.is_some();
    if has_body {
        add_response(operation, "413");
        add_response(operation, "415");
    }
    if has_body
        || operation
            .parameters
            .as_ref()
            .is_some_and(|parameters| !parameters.is_empty())
    {
        add_response(operation, "400");
        add_response(operation, "422");
    }
    add_response(operation, "500");
    add_response(operation, "503");
}

/// Adds a shared response, unless the route describes its own.
fn add_response(operation: &mut Operation, status: &str) {
    let shared = SHARED.iter().find(|(_, of, _)| *of == status);
    if let Some((name, ..)) = shared {
        operation
            .responses
            .responses
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::Ref(Ref::from_response_name(*name)));
    }
}

/// Marks all fields as required: an unknown value is `null` and never omitted.
fn require_all_fields(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_all_fields),
        _ => {}
    }
}

fn problem(description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content)
        .build()
}
