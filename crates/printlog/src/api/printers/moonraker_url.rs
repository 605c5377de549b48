//! Validates Moonraker addresses from clients, and describes their format in the OpenAPI document.

use std::borrow::Cow;

use moonraker::{Endpoint, EndpointError};
use url::Host;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::{ObjectBuilder, Type},
    },
};

use crate::{
    api::http::{
        error::{FieldError, Problem},
        query,
    },
    printers::address::without_login,
};

/// Maximum length of an address in characters.
const LONGEST: usize = 500;

/// The schema of an address.
pub(crate) struct MoonrakerUrl;

/// An address as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// With scheme, without login.
    pub(crate) url: String,
    /// Login and API key, to be encrypted. `None` if there is neither.
    pub(crate) secret: Option<String>,
}

/// Validates an address together with its API key or stored secret. Returns the form to store.
pub(crate) fn checked(given: &str, secret: Option<&str>) -> Result<Address, FieldError> {
    let wrong = |message: String| FieldError::new("moonraker_url", message);
    let text = query::text(LONGEST)(given.trim()).map_err(wrong)?;
    let endpoint = Endpoint::parse(&text, secret).map_err(|cause| match cause {
        EndpointError::Key => FieldError::new("moonraker_api_key", cause.to_string()),
        cause => wrong(cause.to_string()),
    })?;
    let with_scheme = if text.contains("://") {
        text
    } else {
        format!("http://{text}")
    };
    let url = without_login(&with_scheme);
    if is_plain(&url) {
        Ok(Address {
            url,
            secret: endpoint.secret(),
        })
    } else {
        Err(wrong(format!(
            "cannot take `{url}`; expected a host name, or an address such as 192.168.1.20 or [fe80::1], in ASCII"
        )))
    }
}

/// Whether a stored key may be sent to `url`: only to the scheme, host and port that it was stored for.
pub(crate) fn takes_stored_key(stored_for: &str, url: &str) -> bool {
    match (Endpoint::parse(stored_for, None), Endpoint::parse(url, None)) {
        (Ok(stored_for), Ok(endpoint)) => endpoint.is_same_origin(&stored_for),
        _ => false,
    }
}

/// The refusal of a request that would send a stored key to another address. It is in conflict with what is stored, not
/// wrong by itself.
pub(crate) fn needs_key_again(stored_for: &str) -> Problem {
    let message = format!(
        "is stored for {stored_for}, and is not sent to another scheme, host or port; give the key again, or none"
    );
    Problem::conflict(format!("moonraker_api_key: {message}")).with_field("moonraker_api_key", message)
}

/// Whether the address, which has a scheme, matches [`pattern`].
fn is_plain(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority
        .rfind(':')
        .filter(|colon| !authority[*colon..].contains(']'))
    {
        Some(colon) => (&authority[..colon], Some(&authority[colon + 1..])),
        None => (authority, None),
    };
    is_plain_host(host)
        && port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with(['0', '+']))
        && path
            .bytes()
            .all(|byte| byte == b'/' || byte.is_ascii_alphanumeric() || b"._~-%".contains(&byte))
}

/// Browsers also accept addresses such as `1` and `0x7f.1`; here an address must be written in full.
fn is_plain_host(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv6(_)) => true,
        Ok(Host::Ipv4(address)) => host == address.to_string(),
        Ok(Host::Domain(_)) => host.split('.').all(is_plain_label),
        Err(_) => false,
    }
}

fn is_plain_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl PartialSchema for MoonrakerUrl {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "Address of a Moonraker: a URL with http, https, ws or wss, or just the host. The port is 7125 unless \
                 said otherwise, with https and wss 443. User and password, as in http://USER:PASSWORD@HOST, are the login of \
                 a proxy; they are encrypted beside the API key, and never shown.",
            ))
            .max_length(Some(LONGEST))
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

/// A pattern for the addresses that [`checked`] accepts, except for rare spellings of IPv6 addresses.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_stored_with_their_scheme() {
        for (given, stored) in [
            ("voron.local", "http://voron.local"),
            (" 192.168.1.20:7125 ", "http://192.168.1.20:7125"),
            ("https://farm.example/p/3", "https://farm.example/p/3"),
            ("ws://voron:7125/websocket", "ws://voron:7125/websocket"),
            ("WSS://voron", "WSS://voron"),
            ("[fe80::1]:80", "http://[fe80::1]:80"),
            ("[::ffff:1.2.3.4]", "http://[::ffff:1.2.3.4]"),
            ("my_printer:65535//a/%20", "http://my_printer:65535//a/%20"),
        ] {
            assert_eq!(checked(given, None).unwrap().url, stored);
        }
    }

    #[test]
    fn a_stored_key_goes_to_its_own_scheme_host_and_port_only() {
        for (stored_for, url, is_same) in [
            ("http://voron:7125", "voron", true),
            ("http://voron:7125", "WS://Voron:7125/websocket", true),
            ("http://voron:7125", "http://voron:7125/other/path", true),
            ("https://farm.example/p/3", "wss://farm.example:443/p/4", true),
            ("http://[fe80::1]", "http://[FE80:0::1]:7125", true),
            ("http://voron:7125", "http://voron:7126", false),
            ("http://voron:7125", "https://voron:7125", false),
            ("http://voron:7125", "http://voron.evil.example:7125", false),
            ("http://voron:7125", "http://voron:7125@evil.example:7125", false),
            ("http://voron", "http://voron:80", false),
            ("http://voron", "", false),
            ("http://127.0.0.1", "http://localhost", false),
        ] {
            assert_eq!(takes_stored_key(stored_for, url), is_same, "{stored_for} {url}");
        }
    }

    #[test]
    fn logins_are_kept_apart_from_addresses() {
        for (given, url) in [
            ("http://me:s3cret@voron", "http://voron"),
            ("me:s3cret@voron:81/p", "http://voron:81/p"),
            ("wss://me:s3cret@[fe80::1]/websocket", "wss://[fe80::1]/websocket"),
        ] {
            let address = checked(given, Some("k3y")).unwrap();
            assert_eq!(address.url, url);
            assert_eq!(address.secret.as_deref(), Some("Basic bWU6czNjcmV0 k3y"));
        }
        let error = checked("http://me:s3cret@a b", None).unwrap_err();
        assert!(!error.message.contains("s3cret"), "{}", error.message);
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for given in [
            "",
            " ",
            "0",
            "1.2",
            "0x7f.1",
            "256.1.1.1",
            "a b",
            "würfel",
            "a/ü",
            "ftp://a",
            "http://",
            "a:99999",
            "a:",
            "a:0",
            "a:+80",
            "a:080",
            "a*",
            "-a",
            "a..b",
            "a/b c",
            "a/*",
            "a\\b",
            "a\0",
        ] {
            let error = checked(given, None).unwrap_err();
            assert_eq!(error.field, "moonraker_url", "{given}");
        }
        assert_eq!(
            checked("voron", Some("a\nb")).unwrap_err().field,
            "moonraker_api_key"
        );
    }
}
