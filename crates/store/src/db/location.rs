//! Location of the database.

use std::{fmt, path::PathBuf};

use url::Url;

/// Location of the database. `Debug` and `Display` omit the password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file. If it is missing, it and its folder are created.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A database on a MySQL or MariaDB server.
    MySql {
        /// `mysql://user:password@host:port/database`, with the options of sqlx (`ssl-mode`, `ssl-ca`, …).
        url: Url,
    },
}

impl Location {
    /// A database on a server. The parts are given unescaped.
    #[must_use]
    pub fn mysql(host: &str, port: u16, user: &str, password: Option<&str>, database: &str) -> Self {
        let mut url = Url::parse("mysql://localhost/").expect("a URL");
        // URLs have IPv6 addresses in brackets.
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        // URL setters leave percent signs in user and password unescaped, and they would be read as escapes.
        let escaped = |text: &str| text.replace('%', "%25");
        let password = password.map(escaped);
        let set = url.set_host(Some(&host)).is_ok()
            && url.set_port(Some(port)).is_ok()
            && url.set_username(&escaped(user)).is_ok()
            && url.set_password(password.as_deref()).is_ok();
        debug_assert!(set, "a URL with a host takes a port, a user and a password");
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push(database);
        }
        Self::MySql { url }
    }

    /// Default path of the secret key file: next to SQLite's file. `None` for a server.
    #[must_use]
    pub fn secret_file(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite { path } => Some(path.with_file_name("secret.key")),
            Self::MySql { .. } => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => path.display().fmt(f),
            Self::MySql { url } => {
                let host = url.host_str().unwrap_or_default();
                let port = url.port().unwrap_or(3306);
                write!(f, "mysql://{host}:{port}{}", url.path())
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(location: &Location) -> &Url {
        match location {
            Location::MySql { url } => url,
            Location::Sqlite { .. } => unreachable!("made by `mysql`"),
        }
    }

    #[test]
    fn odd_characters_are_escaped() {
        let location = Location::mysql("::1", 3307, "a@b%40", Some("p/w:?#[%20 ü"), "my/db%");
        assert_eq!(
            url(&location).as_str(),
            "mysql://a%40b%2540:p%2Fw%3A%3F%23%5B%2520%20%C3%BC@[::1]:3307/my%2Fdb%25"
        );
        assert_eq!(
            url(&Location::mysql("db", 3306, "me", None, "x")).as_str(),
            "mysql://me@db:3306/x"
        );
    }

    #[test]
    fn password_is_hidden() {
        let location = Location::mysql("db", 3306, "me", Some("hunter2"), "x");
        assert_eq!(
            format!("{location} {location:?}"),
            "mysql://db:3306/x Location(mysql://db:3306/x)"
        );
    }
}
