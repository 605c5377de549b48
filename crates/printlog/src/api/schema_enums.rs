//! Enum schemas for the OpenAPI document, generated from the Rust types.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type},
    },
};

use crate::{
    ingest,
    input::{job::FAILED, page},
    printers::probe,
};

/// Names of the available time zones, and offsets from UTC. A pattern rather than a list, so that the document shows
/// a string.
pub(crate) struct TimeZone;

impl PartialSchema for TimeZone {
    fn schema() -> RefOr<Schema> {
        let names: Vec<String> = jiff::tz::db()
            .available()
            .filter(|name| name.as_str() != "Etc/Unknown")
            .map(|name| name.as_str().replace('+', r"\+"))
            .collect();
        let offset = r"[+-](0[0-9]|1[0-3]):[0-5][0-9]";
        let pattern = format!("^({}|{offset})$", names.join("|"));
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(pattern))
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for TimeZone {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("TimeZone")
    }
}

/// An instant or a date.
pub(crate) struct Instant;

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        let text = |format| {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(format)))
        };
        let either = OneOfBuilder::new()
            .item(text(KnownFormat::DateTime))
            .item(text(KnownFormat::Date));
        RefOr::T(either.build().into())
    }
}

impl ToSchema for Instant {}

/// A tag of a job.
pub(crate) struct Tag;

impl PartialSchema for Tag {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A tag."))
            .min_length(Some(1))
            .max_length(Some(64))
            .pattern(Some(r"^[^\x00,]*[^\x00,\s][^\x00,]*$"))
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for Tag {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Tag")
    }
}

/// Names of the sort orders of a list.
pub(crate) struct JobOrder;

impl PartialSchema for JobOrder {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(page::orders()))
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for JobOrder {}

/// A status of jobs, or `failed` for `error` and `interrupted`.
pub(crate) struct StatusFilter;

impl PartialSchema for StatusFilter {
    fn schema() -> RefOr<Schema> {
        let words = domain::names::<domain::JobStatus>().into_iter().chain([FAILED]);
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for StatusFilter {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("StatusFilter")
    }
}

/// A value, or an empty string for jobs whose value is unknown.
pub(crate) struct WordOrUnknown;

impl PartialSchema for WordOrUnknown {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A value, or an empty string for jobs whose value is unknown.",
            ))
            .max_length(Some(255))
            .pattern(Some(r"^[^\x00]*$"))
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for WordOrUnknown {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("WordOrUnknown")
    }
}

/// The id of a job in a list.
pub(crate) struct Id;

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(1))
            .maximum(Some(domain::LARGEST_ID))
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for Id {}

/// Defines a schema for the names of an enum's values.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $named:ty;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let names = Some(domain::names::<$named>());
                let object = ObjectBuilder::new().schema_type(Type::String).enum_values(names).build();
                RefOr::T(object.into())
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

names! {
    /// Format of an export.
    ExportFormat: crate::export::ExportFormat;
    /// Layout of a workbook of jobs.
    ExportLayout: crate::api::jobs::export::ExportLayout;
    /// Language of a workbook.
    Language: crate::export::Language;
    /// Status of a job.
    JobStatus: domain::JobStatus;
    /// A user's rating of a job.
    JobVerdict: domain::Verdict;
    /// A reason for verdicts that a new database has.
    BuiltInReason: domain::BuiltInReason;
    /// What reported the end or the figures of a job.
    Source: domain::Source;
    /// Why a job was not changed.
    UnchangedJobCode: crate::api::jobs::bulk::UnchangedCode;
    /// Status of a job's details.
    DetailsStatus: store::DetailsStatus;
    /// Why the details of a job are incomplete.
    DetailsReason: crate::details::reason::DetailsReason;
    /// Source of a file's details.
    DetailsSource: store::DetailsSource;
    /// State of the connection to a printer.
    ConnectionState: ingest::ConnectionState;
    /// What printlog connects to in order to record a printer.
    PrinterKind: domain::PrinterKind;
    /// Scope of a key.
    KeyScope: store::KeyScope;
    /// State of Klippy.
    KlippyState: domain::KlippyState;
    /// State of the history import.
    BackfillState: ingest::BackfillState;
    /// An optional part of Moonraker's API.
    Capability: moonraker::Capability;
    /// Length of a timeline's buckets.
    Bucket: analytics::Bucket;
    /// What a timeline's buckets are divided by.
    Stack: analytics::Stack;
    /// The view that a table of a heat map shows.
    HeatmapView: crate::api::analytics::View;
    /// The period that another one is compared with.
    ComparisonBase: crate::api::analytics::ComparisonBase;
    /// Order of files.
    FileOrder: analytics::FileOrder;
    /// Format of a table.
    TableFormat: crate::api::analytics::Format;
    /// A database engine.
    DatabaseType: store::Engine;
    /// Outcome of an address test.
    TestOutcome: probe::Outcome;
}
