//! Validates the settings of a printer, for the API and the command line.

use domain::{NewPrinter, PrinterKind};
use moonraker::{Endpoint, EndpointError};
use url::Host;

use crate::{
    input::{self, FieldError, Invalid},
    printers::address::without_login,
};

/// Maximum lengths of texts, in characters.
const NAME: usize = 255;
const LOCATION: usize = 255;
pub(crate) const URL: usize = 500;
pub(crate) const API_KEY: usize = 255;
/// Maximum length of a stored login with an API key.
const SECRET: usize = 1200;

/// An address as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// With scheme, without login.
    pub(crate) url: String,
    /// Login and API key, to be encrypted. `None` if there is neither.
    pub(crate) secret: Option<String>,
}

/// Validates the settings of a printer. Reports all invalid fields. Without a kind, it is a Moonraker.
pub(crate) fn printer(
    name: &str,
    kind: Option<&str>,
    location: Option<&str>,
    moonraker_url: &str,
    moonraker_api_key: Option<&str>,
    is_active: bool,
) -> Result<NewPrinter, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut invalid = |field: &str, invalid| errors.push(FieldError::new(field, invalid));
    let name = input::name(name, NAME)
        .and_then(input::on_one_line)
        .map_err(|cause| invalid("name", cause))
        .unwrap_or_default();
    let kind = kind
        .map_or(Ok(PrinterKind::default()), input::word)
        .map_err(|cause| invalid("kind", cause))
        .unwrap_or_default();
    let location = location.map(str::trim).filter(|location| !location.is_empty());
    let on_one_line = |text| input::text(LOCATION)(text).and_then(input::on_one_line);
    if let Some(Err(cause)) = location.map(on_one_line) {
        invalid("location", cause);
    }
    let key = moonraker_api_key.map(str::trim).filter(|key| !key.is_empty());
    let longest = key.map_or(API_KEY, |key| {
        if key.starts_with("Basic ") {
            SECRET
        } else {
            API_KEY
        }
    });
    if let Some(Err(cause)) = key.map(input::text(longest)) {
        invalid("moonraker_api_key", cause);
    }
    let address = address(moonraker_url, key).map_err(|error| errors.push(error));
    let (Ok(address), []) = (address, errors.as_slice()) else {
        return Err(errors);
    };
    Ok(NewPrinter {
        name,
        kind,
        location: location.map(str::to_owned),
        moonraker_url: address.url,
        moonraker_api_key: address.secret,
        is_active,
    })
}

/// Validates an address together with its API key or stored secret. Returns the form to store.
pub(crate) fn address(given: &str, secret: Option<&str>) -> Result<Address, FieldError> {
    let wrong = |invalid| FieldError::new("moonraker_url", invalid);
    let text = input::text(URL)(given.trim()).map_err(wrong)?;
    let endpoint = Endpoint::parse(&text, secret).map_err(refused)?;
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
        Err(wrong(Invalid::AddressNotPlain { url }))
    }
}

fn refused(cause: EndpointError) -> FieldError {
    let invalid = match cause {
        EndpointError::Key => return FieldError::new("moonraker_api_key", Invalid::KeyCharacters),
        EndpointError::Empty => Invalid::AddressEmpty,
        EndpointError::Syntax { url, .. } => Invalid::AddressUnreadable { url },
        EndpointError::Scheme { scheme } => Invalid::AddressScheme { scheme },
        EndpointError::Part { part } => Invalid::AddressPart { part },
    };
    FieldError::new("moonraker_url", invalid)
}

/// Whether a stored key may be sent to `url`: only to the scheme, host and port that it was stored for.
pub(crate) fn takes_stored_key(stored_for: &str, url: &str) -> bool {
    match (Endpoint::parse(stored_for, None), Endpoint::parse(url, None)) {
        (Ok(stored_for), Ok(endpoint)) => endpoint.is_same_origin(&stored_for),
        _ => false,
    }
}

/// Whether the address, which has a scheme, matches the pattern of the OpenAPI document.
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

/// URL parsers also accept addresses such as `1` and `0x7f.1`; here an address must be written in full.
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
            assert_eq!(address(given, None).unwrap().url, stored);
        }
    }

    #[test]
    fn a_stored_key_is_sent_only_to_its_own_scheme_host_and_port() {
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
    fn logins_are_separated_from_addresses() {
        for (given, url) in [
            ("http://me:s3cret@voron", "http://voron"),
            ("me:s3cret@voron:81/p", "http://voron:81/p"),
            ("wss://me:s3cret@[fe80::1]/websocket", "wss://[fe80::1]/websocket"),
        ] {
            let address = address(given, Some("k3y")).unwrap();
            assert_eq!(address.url, url);
            assert_eq!(address.secret.as_deref(), Some("Basic bWU6czNjcmV0 k3y"));
        }
        let error = address("http://me:s3cret@a b", None).unwrap_err();
        assert!(!error.message.contains("s3cret"), "{}", error.message);
    }

    #[test]
    fn invalid_addresses_are_refused() {
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
            let error = address(given, None).unwrap_err();
            assert_eq!(error.field, "moonraker_url", "{given}");
        }
        assert_eq!(
            address("voron", Some("a\nb")).unwrap_err().field,
            "moonraker_api_key"
        );
    }
}
