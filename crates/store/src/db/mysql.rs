//! Opens a database on a MySQL or MariaDB server.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, SqlxMySqlConnector, Statement};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, Row,
    mysql::{MySqlConnectOptions, MySqlPoolOptions},
};
use url::{Host, Url};

use crate::{
    Error, Result,
    db::{
        connection::{ACQUIRE, Opened, open_error, open_fault},
        dialect::{self, Engine},
        error::Fault,
        location::Location,
        stale_connections::StaleConnections,
    },
};

/// Maximum number of connections to a server.
const CONNECTIONS: u32 = 8;
/// Time limit for connecting to a server.
const CONNECT: Duration = Duration::from_secs(10);

pub(crate) async fn open(
    location: &Location,
    url: &Url,
    stale_connections: StaleConnections,
) -> Result<Opened> {
    let mut options = MySqlConnectOptions::from_url(url)
        .map_err(|cause| open_fault(location, cause))?
        .disable_statement_logging();
    // sqlx would include the brackets in the host name.
    if let Some(Host::Ipv6(address)) = url.host() {
        options = options.host(&address.to_string());
    }
    // Connects once without the pool, which would retry for a long time and then report only a timeout. A single
    // connection returns the reason.
    let connect_once = async || {
        let mut connection = options.connect().await?;
        let version: String = connection.fetch_one("SELECT version()").await?.try_get(0)?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(version)
    };
    let connect_once = async {
        match connect_once().await {
            // Saves the user a step, where the account may create databases.
            Err(sqlx::Error::Database(cause)) if dialect::is_unknown_database(&*cause) => {
                create_database(url).await?;
                connect_once().await
            }
            result => result,
        }
    };
    let version = tokio::time::timeout(CONNECT, connect_once)
        .await
        .map_err(|_| open_error(location, true, format!("no answer within {CONNECT:?}")))?
        .map_err(|cause| open_fault(location, cause))?;
    let engine = server(&version).ok_or(Error::UnsupportedServer { found: version })?;
    let pool = MySqlPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(Duration::from_secs(300))
        .max_lifetime(Duration::from_secs(1800))
        .before_acquire(move |_, met| {
            let is_good = stale_connections.is_good(met.age);
            Box::pin(async move { Ok(is_good) })
        })
        .after_connect(|connection, _| {
            Box::pin(async move {
                // The same rules on every server, whatever its own settings, and no lock wait longer than an attempt.
                connection
                    .execute(
                        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION', \
                         SESSION innodb_lock_wait_timeout = 10",
                    )
                    .await?;
                // The default also locks the gaps between rows, so that inserts for two printers can deadlock.
                connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                Ok(())
            })
        })
        .connect_lazy_with(options);
    let connection = SqlxMySqlConnector::from_sqlx_mysql_pool(pool);
    Ok(Opened {
        writer: connection.clone(),
        reader: connection,
        fast_path: None,
        engine,
        journal: None,
    })
}

/// Name of the server-side lock for schema changes.
const SCHEMA_LOCK: &str = "CONCAT('printlog ', LEFT(SHA2(DATABASE(), 256), 40))";

pub(crate) async fn lock_schema(tx: &DatabaseTransaction) -> Result<(), Fault> {
    let sql = format!("SELECT GET_LOCK({SCHEMA_LOCK}, 60)");
    let answer = tx
        .query_one_raw(Statement::from_string(tx.get_database_backend(), sql))
        .await?;
    let has_lock = answer.map(|row| row.try_get_by_index(0)).transpose()? == Some(1_i64);
    match has_lock {
        true => Ok(()),
        false => Err(DbErr::Custom("the lock was held by another process for a minute".to_owned()).into()),
    }
}

/// Releases the schema lock. If this fails, the connection is lost and the lock with it.
pub(crate) async fn unlock_schema(tx: &DatabaseTransaction) {
    let sql = format!("SELECT RELEASE_LOCK({SCHEMA_LOCK})");
    tx.query_one_raw(Statement::from_string(tx.get_database_backend(), sql))
        .await
        .ok();
}

/// Creates the database named in the URL, if the account has the right.
async fn create_database(url: &Url) -> Result<(), sqlx::Error> {
    let name = MySqlConnectOptions::from_url(url)?
        .get_database()
        .unwrap_or_default()
        // The name is the user's and cannot be a parameter of this statement.
        .replace('`', "``");
    let mut server = url.clone();
    // A connection that names a missing database is refused.
    server.set_path("");
    let mut connection = MySqlConnectOptions::from_url(&server)?.connect().await?;
    let create = format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    connection.execute(AssertSqlSafe(create)).await?;
    connection.close().await
}

/// Parses a version into a supported engine. `None` if it is not supported.
fn server(version: &str) -> Option<Engine> {
    let mut numbers = version
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse::<u32>().ok());
    let number = (numbers.next()?, numbers.next()?);
    if version.contains("MariaDB") {
        (number >= (10, 6)).then_some(Engine::MariaDb)
    } else {
        (number >= (8, 0)).then_some(Engine::MySql)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_that_are_too_old_are_known() {
        assert_eq!(server("9.7.4-2"), Some(Engine::MySql));
        assert_eq!(server("8.0.36"), Some(Engine::MySql));
        assert_eq!(server("5.7.44-log"), None);
        assert_eq!(server("10.11.19-MariaDB-0+deb12u1"), Some(Engine::MariaDb));
        assert_eq!(server("10.5.8-MariaDB"), None);
        assert_eq!(server("11.4.2-MariaDB"), Some(Engine::MariaDb));
        assert_eq!(server("who knows"), None);
    }
}
