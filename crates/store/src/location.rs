//! Where the database is.

use std::{fmt, path::PathBuf};

use url::Url;

/// Where the database is. Its debug output and its text hold no password.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, made with its folder if it is missing.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
    /// A database on a MySQL or MariaDB server, which must exist.
    MySql {
        /// `mysql://user:password@host:port/database`, with the options of sqlx (`ssl-mode`, `ssl-ca`, …).
        url: Url,
    },
}

impl Location {
    /// A database on a server, from its parts as they are: nothing is to be escaped.
    #[must_use]
    pub fn mysql(host: &str, port: u16, user: &str, password: Option<&str>, database: &str) -> Self {
        let mut url = Url::parse("mysql://localhost/").expect("a URL");
        // An IPv6 address stands in brackets in a URL.
        let host = if host.contains(':') && !host.starts_with('[') {
            format!("[{host}]")
        } else {
            host.to_owned()
        };
        let set = url.set_host(Some(&host)).is_ok()
            && url.set_port(Some(port)).is_ok()
            && url.set_username(user).is_ok()
            && url.set_password(password).is_ok();
        debug_assert!(set, "a URL with a host takes a port, a user and a password");
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push(database);
        }
        Self::MySql { url }
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
