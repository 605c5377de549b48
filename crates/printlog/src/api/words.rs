//! Words that a field may hold, for the OpenAPI document: taken from the types that write them.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::{ingest, probe};

/// Names of the time zones that there are, and offsets from UTC. A pattern and no list, so that it is a text for who reads the document.
pub(super) struct TimeZone;

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

/// A schema of its own for the words of a type.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $words:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words: Vec<&'static str> = $words.into_iter().map(|word| word.as_str()).collect();
                let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build();
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

words! {
    /// Format of an export.
    ExportFormat: crate::export::ExportFormat::ALL;
    /// How a job stands.
    JobStatus: domain::JobStatus::ALL;
    /// Whether a thing that was printed is any good.
    JobVerdict: domain::Verdict::ALL;
    /// Who says something of a job.
    Source: [domain::Source::History, domain::Source::PrintStats];
    /// How the details of a job stand.
    DetailsStatus: {
        use store::DetailsStatus as Is;
        [Is::Pending, Is::Done, Is::Partial, Is::Failed]
    };
    /// Who says what is known of a file.
    DetailsSource: [store::DetailsSource::File, store::DetailsSource::Moonraker];
    /// How the link to a printer stands.
    ConnectionState: {
        use ingest::ConnectionState as Is;
        [Is::Disabled, Is::Connecting, Is::Connected, Is::Unreachable, Is::Unauthorized]
    };
    /// What a key may do.
    KeyScope: store::KeyScope::ALL;
    /// State of Klippy.
    KlippyState: {
        use domain::KlippyState as Is;
        [Is::Disconnected, Is::Startup, Is::Ready, Is::Error, Is::Shutdown]
    };
    /// How far the import of a history is.
    BackfillState: {
        use ingest::BackfillState as Is;
        [Is::Pending, Is::Running, Is::Done, Is::Off]
    };
    /// A part of Moonraker's API that printlog can do without.
    Capability: moonraker::Capability::ALL;
    /// Length of the parts of a timeline.
    Bucket: analytics::Bucket::ALL;
    /// What the parts of a timeline are divided by.
    Stack: analytics::Stack::ALL;
    /// What a table of a heat map shows.
    HeatmapView: super::analytics::View::ALL;
    /// How a table is written.
    TableFormat: super::analytics::Format::ALL;
    /// An engine.
    DatabaseType: {
        use store::Engine as Is;
        [Is::Sqlite, Is::MySql, Is::MariaDb]
    };
    /// How the try of an address ended.
    TestOutcome: {
        use probe::Outcome as Is;
        [Is::Ok, Is::WrongAddress, Is::Unreachable, Is::KeyNeeded, Is::WrongKey, Is::NotMoonraker, Is::NoPrint]
    };
}
