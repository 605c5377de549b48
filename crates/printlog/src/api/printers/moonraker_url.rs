//! The schema of a Moonraker address in the OpenAPI document.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::printers::input::URL;

/// The schema of an address.
pub(crate) struct MoonrakerUrl;

impl PartialSchema for MoonrakerUrl {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "Address of a Moonraker: a URL with http, https, ws or wss, or only the host. The default port is 7125, or \
                 443 with https and wss. User and password, as in http://USER:PASSWORD@HOST, are the login of a proxy; they \
                 are stored encrypted together with the API key, and never shown.",
            ))
            .max_length(Some(URL))
            .pattern(Some(pattern()))
            .examples(["http://voron.local:7125"])
            .build();
        RefOr::T(object.into())
    }
}

impl ToSchema for MoonrakerUrl {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("MoonrakerUrl")
    }
}

/// A pattern for the addresses that [`address`](crate::printers::input::address) accepts, except for rare spellings of IPv6 addresses.
fn pattern() -> String {
    let scheme = "([Hh][Tt][Tt][Pp][Ss]?|[Ww][Ss][Ss]?)://";
    let label = |first: &str| format!("{first}([A-Za-z0-9_-]{{0,61}}[A-Za-z0-9_])?");
    // A name that ends in a number would be an IP address.
    let (any, last) = (label("[A-Za-z0-9_]"), label("[A-Za-z_]"));
    let name = format!(r"({any}\.){{0,9}}{last}");
    let byte = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
    let ipv4 = format!(r"({byte}\.){{3}}{byte}");
    let group = "[0-9A-Fa-f]{1,4}";
    let ipv6 = format!(r"\[(({group}:){{7}}{group}|({group}:){{1,6}}:{group}|::{group})\]");
    let port = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
    let path = "(/[A-Za-z0-9._~%-]{0,63}){0,9}";
    let login = "([A-Za-z0-9._~%-]{1,64}(:[A-Za-z0-9._~%-]{0,64})?@)?";
    format!("^({scheme})?{login}({name}|{ipv4}|{ipv6})(:{port})?{path}$")
}
