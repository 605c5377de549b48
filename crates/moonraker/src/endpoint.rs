//! Address and API key of a printer.

use std::{fmt, iter};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use url::Url;

/// Default port of Moonraker.
const MOONRAKER_PORT: u16 = 7125;

/// All bytes except those that need no encoding anywhere in a URL (RFC 3986, "unreserved").
const NOT_PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Prefix of a secret that contains a login. An API key contains no blank.
const LOGIN: &str = "Basic ";

/// Address of one Moonraker, with its API key and the login of a reverse proxy, if any. Neither is shown in any output.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `http` or `https`, host, port, and the path prefix without a trailing slash.
    base: Url,
    key: Option<HeaderValue>,
    /// `Authorization` header for HTTP basic authentication.
    login: Option<HeaderValue>,
}

/// Why an address or a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is empty.
    #[error("the printer's address is empty")]
    Empty,
    /// Not a URL.
    #[error("cannot read `{url}` as an address; expected a host or a URL such as http://voron.local:7125")]
    Syntax {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        source: url::ParseError,
    },
    /// The scheme is not supported by Moonraker.
    #[error("`{scheme}` addresses are not supported; use http, https, ws or wss")]
    Scheme {
        /// The scheme as given.
        scheme: String,
    },
    /// A part that would be ignored, and might be a secret.
    #[error("a printer's address must not have a {part}")]
    Part {
        /// Which part.
        part: &'static str,
    },
    /// The key cannot be sent in an HTTP header.
    #[error("the API key has characters that cannot be sent; copy it again from Moonraker")]
    Key,
}

impl Endpoint {
    /// Parses an address as users enter it: a host, `host:port`, or a URL with `http`, `https`, `ws` or `wss`.
    ///
    /// Without a scheme it is `http`. Without a port it is 7125, for `https` and `wss` 443. A path is kept as the
    /// prefix that a reverse proxy puts before Moonraker's own paths. User and password are the login of such a proxy.
    /// An empty key is no key. Instead of a key, `secret` may be a result of [`secret`](Self::secret).
    ///
    /// # Errors
    /// If it is not such an address, or has a query or a fragment.
    pub fn parse(url: &str, secret: Option<&str>) -> Result<Self, EndpointError> {
        let given = url.trim();
        if given.is_empty() {
            return Err(EndpointError::Empty);
        }
        let (scheme, rest) = given.split_once("://").unwrap_or(("http", given));
        let (scheme, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => ("http", MOONRAKER_PORT),
            "https" | "wss" => ("https", 443),
            _ => {
                return Err(EndpointError::Scheme {
                    scheme: scheme.to_owned(),
                });
            }
        };
        let syntax = |source| EndpointError::Syntax {
            url: without_user(given),
            source,
        };
        let mut base = Url::parse(&format!("{scheme}://{rest}")).map_err(syntax)?;
        let parts = [
            (base.query().is_some(), "query (`?…`)"),
            (base.fragment().is_some(), "fragment (`#…`)"),
        ];
        if let Some((_, part)) = parts.into_iter().find(|(given, _)| *given) {
            return Err(EndpointError::Part { part });
        }
        if !has_port(rest) {
            base.set_port(Some(default_port))
                .map_err(|()| syntax(url::ParseError::EmptyHost))?;
        }
        let path = base.path().trim_end_matches('/');
        let path = path
            .strip_suffix("/websocket")
            .unwrap_or(path)
            .trim_end_matches('/')
            .to_owned();
        base.set_path(&path);
        let (login, key) = parts_of(secret.map(str::trim).unwrap_or_default());
        let login = login_in(&base).or(login.map(str::to_owned));
        // Both fail only for addresses without a host.
        let _ = (base.set_username(""), base.set_password(None));
        Ok(Self {
            base,
            key: Some(key).filter(|key| !key.is_empty()).map(hidden).transpose()?,
            login: login
                .map(|login| hidden(&format!("{LOGIN}{login}")))
                .transpose()?,
        })
    }

    /// The login and the API key as one text, to be stored as a secret and passed to [`parse`](Self::parse) later.
    /// `None` if there is neither.
    #[must_use]
    pub fn secret(&self) -> Option<String> {
        let texts =
            [&self.login, &self.key].map(|value| value.as_ref().and_then(|value| value.to_str().ok()));
        match texts {
            [None, None] => None,
            texts => Some(texts.into_iter().flatten().collect::<Vec<_>>().join(" ")),
        }
    }

    /// URL of Moonraker's WebSocket.
    #[must_use]
    pub fn websocket_url(&self) -> Url {
        let scheme = if self.is_tls() { "wss" } else { "ws" };
        // `Url` refuses some changes of scheme, and writes the port again unless it is the scheme's default.
        let text = self.base.as_str().replacen(self.base.scheme(), scheme, 1);
        let mut url = Url::parse(&text).unwrap_or_else(|_| self.base.clone());
        append(&mut url, ["websocket"]);
        url
    }

    /// URL of a file under one of Moonraker's roots, usually `gcodes`. `path` is relative to the root, with `/` between
    /// its parts. All bytes of a part that are not plain are percent-encoded: the URL parser drops tabs and line
    /// breaks, which would name another file. `None` if a part is `.` or `..`, which a URL cannot name.
    #[must_use]
    pub fn file_url(&self, root: &str, path: &str) -> Option<Url> {
        let mut encoded = format!("{}/server/files", self.base.path().trim_end_matches('/'));
        for part in std::iter::once(root).chain(path.split('/')) {
            if matches!(part, "." | "..") {
                return None;
            }
            encoded.push('/');
            encoded.extend(utf8_percent_encode(part, NOT_PLAIN));
        }
        let mut url = self.base.clone();
        url.set_path(&encoded);
        Some(url)
    }

    /// The API key, sent as `X-Api-Key`. `None` if the printer needs none.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.key.as_ref().and_then(|key| key.to_str().ok())
    }

    /// Whether both have the same origin: the same scheme (`ws` counts as `http`), host and port.
    #[must_use]
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.base.origin() == other.base.origin()
    }

    pub(crate) fn api_key_header(&self) -> Option<&HeaderValue> {
        self.key.as_ref()
    }

    pub(crate) fn login_header(&self) -> Option<&HeaderValue> {
        self.login.as_ref()
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Host without the brackets of IPv6, and port.
    pub(crate) fn address(&self) -> (String, u16) {
        let host = match self.base.host() {
            Some(url::Host::Ipv6(address)) => address.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        };
        (host, self.base.port_or_known_default().unwrap_or(MOONRAKER_PORT))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |value: &Option<HeaderValue>| value.as_ref().map(|_| "hidden");
        f.debug_struct("Endpoint")
            .field("base", &self.base.as_str())
            .field("key", &hidden(&self.key))
            .field("login", &hidden(&self.login))
            .finish()
    }
}

/// Splits a secret into the login and the API key.
fn parts_of(secret: &str) -> (Option<&str>, &str) {
    match secret.strip_prefix(LOGIN) {
        Some(rest) => {
            let (login, key) = rest.split_once(' ').unwrap_or((rest, ""));
            (Some(login), key)
        }
        None => (None, secret),
    }
}

/// User and password of a URL, in the form of HTTP basic authentication.
fn login_in(url: &Url) -> Option<String> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let bytes: Vec<u8> = percent_decode_str(url.username())
        .chain(iter::once(b':'))
        .chain(percent_decode_str(url.password().unwrap_or_default()))
        .collect();
    Some(BASE64_STANDARD.encode(bytes))
}

/// A header value that is hidden in debug output.
fn hidden(text: &str) -> Result<HeaderValue, EndpointError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| EndpointError::Key)?;
    value.set_sensitive(true);
    // Reading it as text later must not fail.
    value.to_str().map_err(|_| EndpointError::Key)?;
    Ok(value)
}

/// Whether the part of a URL after `://` has a port. [`Url`] drops the default port of its scheme.
fn has_port(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let after_host = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    after_host
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty())
}

fn without_user(url: &str) -> String {
    match (url.find("://"), url.find('@')) {
        (scheme, Some(at)) => {
            let start = scheme.map_or(0, |scheme| scheme + 3);
            format!("{}…{}", &url[..start.min(at)], &url[at..])
        }
        (_, None) => url.to_owned(),
    }
}

fn append<'a>(url: &mut Url, parts: impl IntoIterator<Item = &'a str>) {
    // An HTTP URL always has a path to append to.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn websocket(url: &str) -> String {
        Endpoint::parse(url, None).unwrap().websocket_url().to_string()
    }

    #[test]
    fn addresses_become_websocket_urls() {
        for (given, expected) in [
            ("voron.local", "ws://voron.local:7125/websocket"),
            (" voron.local:81 ", "ws://voron.local:81/websocket"),
            ("192.168.1.20", "ws://192.168.1.20:7125/websocket"),
            ("[fe80::1]", "ws://[fe80::1]:7125/websocket"),
            ("[fe80::1]:80", "ws://[fe80::1]/websocket"),
            ("http://voron.local", "ws://voron.local:7125/websocket"),
            ("http://voron.local:80/", "ws://voron.local/websocket"),
            ("HTTP://voron.local:443", "ws://voron.local:443/websocket"),
            ("https://voron.local", "wss://voron.local/websocket"),
            ("https://voron.local:7130", "wss://voron.local:7130/websocket"),
            ("wss://farm.example/p/3/", "wss://farm.example/p/3/websocket"),
            (
                "ws://voron.local:7125/websocket",
                "ws://voron.local:7125/websocket",
            ),
            ("http://farm:8080/p17/websocket", "ws://farm:8080/p17/websocket"),
            ("farm/a b", "ws://farm:7125/a%20b/websocket"),
        ] {
            assert_eq!(websocket(given), expected, "{given}");
        }
    }

    #[test]
    fn ports_survive_a_change_of_scheme() {
        let endpoint = Endpoint::parse("https://voron.local:80", None).unwrap();
        assert_eq!(
            endpoint.websocket_url().as_str(),
            "wss://voron.local:80/websocket"
        );
        assert_eq!(endpoint.address(), ("voron.local".to_owned(), 80));
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong() {
        for (given, expected) in [
            ("", "the printer's address is empty"),
            (
                "ftp://voron",
                "`ftp` addresses are not supported; use http, https, ws or wss",
            ),
            (
                "http://voron/?token=1",
                "a printer's address must not have a query (`?…`)",
            ),
            (
                "http://voron/#/",
                "a printer's address must not have a fragment (`#…`)",
            ),
            (
                "http://",
                "cannot read `http://` as an address; expected a host or a URL such as http://voron.local:7125",
            ),
            (
                "http://me:secret@voron:99999",
                "cannot read `http://…@voron:99999` as an address; expected a host or a URL such as http://voron.local:7125",
            ),
        ] {
            assert_eq!(Endpoint::parse(given, None).unwrap_err().to_string(), expected);
        }
        assert!(matches!(
            Endpoint::parse("voron", Some("line\nbreak")),
            Err(EndpointError::Key)
        ));
    }

    #[test]
    fn file_urls_encode_each_part() {
        let endpoint = Endpoint::parse("http://farm:80/p3", None).unwrap();
        assert_eq!(
            endpoint
                .file_url("gcodes", "Kunden Müller/100% #1?.gcode")
                .unwrap()
                .as_str(),
            "http://farm/p3/server/files/gcodes/Kunden%20M%C3%BCller/100%25%20%231%3F.gcode"
        );
        let endpoint = Endpoint::parse("voron", None).unwrap();
        assert_eq!(
            endpoint
                .file_url("gcodes", ".thumbs/a-32x32.png")
                .unwrap()
                .as_str(),
            "http://voron:7125/server/files/gcodes/.thumbs/a-32x32.png"
        );
    }

    #[test]
    fn every_byte_of_a_file_name_is_in_its_url() {
        let endpoint = Endpoint::parse("voron", None).unwrap();
        for (name, expected) in [
            ("a\tb.gcode", "a%09b.gcode"),
            ("a\nb\r.gcode", "a%0Ab%0D.gcode"),
            ("a;b\\c&d+e.gcode", "a%3Bb%5Cc%26d%2Be.gcode"),
            ("%2e%2e/%41.gcode", "%252e%252e/%2541.gcode"),
            ("😀 \u{7f}.gcode", "%F0%9F%98%80%20%7F.gcode"),
            ("...", "..."),
        ] {
            let url = endpoint.file_url("gcodes", name).unwrap();
            assert_eq!(
                url.as_str(),
                format!("http://voron:7125/server/files/gcodes/{expected}")
            );
        }
        for name in ["..", "../a.gcode", "a/../b.gcode", "./a.gcode"] {
            assert_eq!(endpoint.file_url("gcodes", name), None, "{name}");
        }
    }

    #[test]
    fn a_login_comes_with_the_address_and_leaves_it() {
        let login = |url: &str, secret: Option<&str>| {
            let endpoint = Endpoint::parse(url, secret).unwrap();
            let header = endpoint
                .login_header()
                .map(|login| login.to_str().unwrap().to_owned());
            (
                endpoint.to_string(),
                header,
                endpoint.api_key().map(str::to_owned),
                endpoint.secret(),
            )
        };
        let basic = Some("Basic bWU6czNjcmV0".to_owned());
        for url in [
            "http://me:s3cret@voron",
            "me:s3cret@voron",
            "ws://me:s3cret@voron:7125/websocket",
        ] {
            assert_eq!(
                login(url, None),
                ("http://voron:7125".to_owned(), basic.clone(), None, basic.clone()),
                "{url}"
            );
        }
        // A stored secret can be parsed again, and a new login replaces the old one.
        let (_, _, key, both) = login("https://me:s3cret@voron", Some("k3y"));
        assert_eq!(
            (key.as_deref(), both.as_deref()),
            (Some("k3y"), Some("Basic bWU6czNjcmV0 k3y"))
        );
        assert_eq!(login("https://voron", both.as_deref()).1, basic);
        assert_eq!(login("https://voron", both.as_deref()).2, key);
        assert_eq!(
            login("https://you@voron", both.as_deref()).3.as_deref(),
            Some("Basic eW91Og== k3y")
        );
        // Special characters are percent-encoded.
        assert_eq!(
            login("http://me:p%40ss%3A%C3%A9@voron:80", None).1.as_deref(),
            Some("Basic bWU6cEBzczrDqQ==")
        );
        let endpoint = Endpoint::parse("http://me:s3cret@voron", Some("k3y")).unwrap();
        let shown = format!(
            "{endpoint} {endpoint:?} {} {}",
            endpoint.websocket_url(),
            endpoint.file_url("gcodes", "a").unwrap()
        );
        for secret in ["s3cret", "k3y", "me:", "bWU6"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn the_key_is_hidden_and_an_empty_one_is_none() {
        let endpoint = Endpoint::parse("voron", Some(" s3cret ")).unwrap();
        assert_eq!(endpoint.api_key(), Some("s3cret"));
        assert!(!format!("{endpoint:?} {endpoint}").contains("s3cret"));
        assert_eq!(Endpoint::parse("voron", Some("  ")).unwrap().api_key(), None);
    }
}
