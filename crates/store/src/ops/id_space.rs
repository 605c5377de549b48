//! Checks of primary keys: which ids an import may keep, and whether a table has run out of ids.

use domain::LARGEST_ID;

use sea_orm::{ConnectionTrait, Statement};

use crate::{
    Error, Result, Store,
    db::{dialect::Engine, error::Fault},
    migrations::own_tables,
};

impl Store {
    /// Tables with ids beyond [`LARGEST_ID`], each with its last id. New rows get ids that clients cannot represent, or
    /// the database refuses them. Empty if no table has run out of ids.
    pub async fn exhausted_tables(&self) -> Result<Vec<(String, i64)>> {
        self.read("read the last ids", |db| async move {
            let mut ids = last_ids(&db, self.engine).await?;
            ids.retain(|(_, last)| *last > LARGEST_ID);
            Ok(ids)
        })
        .await
    }

    /// # Errors
    /// [`Error::IdsExhausted`] if a table has no ids left.
    pub(crate) async fn refuse_exhausted(&self) -> Result<()> {
        match self.exhausted_tables().await?.pop() {
            Some((table, last)) => Err(Error::IdsExhausted { table, last }),
            None => Ok(()),
        }
    }
}

/// The last id assigned in each table.
pub(crate) async fn last_ids(db: &impl ConnectionTrait, engine: Engine) -> Result<Vec<(String, i64)>, Fault> {
    let backend = db.get_database_backend();
    if engine == Engine::MySql {
        // Otherwise MySQL returns numbers that are up to a day old.
        let fresh = Statement::from_string(backend, "SET SESSION information_schema_stats_expiry = 0");
        db.execute_raw(fresh).await?;
    }
    let sql = match engine {
        Engine::Sqlite => "SELECT name, seq AS last FROM sqlite_sequence",
        Engine::MySql | Engine::MariaDb => {
            "SELECT CAST(table_name AS CHAR) AS name, CAST(LEAST(auto_increment, 9223372036854775807) AS SIGNED) - 1 AS last \
             FROM information_schema.tables WHERE table_schema = DATABASE() AND auto_increment IS NOT NULL"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(backend, sql)).await?;
    let own = own_tables().await?;
    let counters = rows
        .iter()
        .map(|row| Ok((row.try_get("", "name")?, row.try_get("", "last")?)));
    let mut counters: Vec<(String, i64)> = counters.collect::<Result<_, Fault>>()?;
    counters.retain(|(table, _)| own.contains(table));
    Ok(counters)
}
