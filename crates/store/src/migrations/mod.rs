//! Migrations, one file each, the same for every engine. Released migrations are never edited.
//!
//! MySQL and MariaDB commit after every schema change, so each migration can be run again after an interruption.

mod m0001_initial;
mod m0002_slicer_details;
mod m0003_analytics;
mod m0004_search;
mod m0005_sessions;
mod m0005_user_notes;
mod m0006_scopes_and_counts;
mod m0007_server_lease;
mod m0008_job_pauses;
mod m0009_corrected_outcomes;
mod m0010_sql_views;
mod m0011_unicode_keys;
mod m0012_searched_reasons;
mod m0013_history_again;
mod m0014_outbox;
mod m0015_printer_kind;
mod m0016_deleted_job_rows;
mod m0017_server_settings;

use std::collections::BTreeSet;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DynIden, Statement,
};
use sea_orm_migration::{MigratorTrait, prelude::*};
use tokio::sync::OnceCell;

use crate::{Error, db::error::Fault};

/// All migrations, oldest first.
pub(crate) struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_initial::Initial),
            Box::new(m0002_slicer_details::SlicerDetails),
            Box::new(m0003_analytics::Analytics),
            Box::new(m0004_search::Search),
            Box::new(m0005_sessions::Sessions),
            Box::new(m0005_user_notes::UserNotes),
            Box::new(m0006_scopes_and_counts::ScopesAndCounts),
            Box::new(m0007_server_lease::ServerLease),
            Box::new(m0008_job_pauses::JobPauses),
            Box::new(m0009_corrected_outcomes::CorrectedOutcomes),
            Box::new(m0010_sql_views::SqlViews),
            Box::new(m0011_unicode_keys::UnicodeKeys),
            Box::new(m0012_searched_reasons::SearchedReasons),
            Box::new(m0013_history_again::HistoryAgain),
            Box::new(m0014_outbox::Outbox),
            Box::new(m0015_printer_kind::PrinterKind),
            Box::new(m0016_deleted_job_rows::DeletedJobRows),
            Box::new(m0017_server_settings::ServerSettings),
        ]
    }

    fn migration_table_name() -> DynIden {
        "schema_migrations".into_iden()
    }
}

/// Marker among the versions while a restore fills the database.
pub(crate) const UNFINISHED: &str = "unfinished_restore";

/// Whether a restore into the database was interrupted.
pub(crate) async fn is_unfinished(db: &DatabaseConnection) -> Result<bool, Fault> {
    let found = history(db).await?;
    Ok(found.iter().any(|(version, _)| version == UNFINISHED))
}

/// Applied migrations with their timestamps, including ones unknown to this program.
pub(crate) async fn history(db: &DatabaseConnection) -> Result<Vec<(String, i64)>, Fault> {
    let table = Migrator::migration_table_name();
    if !SchemaManager::new(db).has_table(table.to_string()).await? {
        return Ok(Vec::new());
    }
    let query = Query::select()
        .columns(["version", "applied_at"])
        .from(table)
        .order_by("version", Order::Asc)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("", "version")?, row.try_get("", "applied_at")?)))
        .collect()
}

/// Runs the migrations in another database's history and records them with its timestamps.
pub(crate) async fn repeat(tx: &DatabaseTransaction, history: &[(String, i64)]) -> Result<(), Fault> {
    Migrator::install(tx).await?;
    for migration in Migrator::migrations() {
        let Some((version, applied_at)) = history.iter().find(|(version, _)| version == migration.name())
        else {
            continue;
        };
        migration.up(&SchemaManager::new(tx)).await?;
        let written = Query::insert()
            .into_table(Migrator::migration_table_name())
            .columns(["version", "applied_at"])
            .values_panic([Expr::val(version.as_str()), Expr::val(*applied_at)])
            .to_owned();
        tx.execute(&written).await?;
    }
    Ok(())
}

/// Names of all tables of any version of printlog. Found by running the migrations one by one in memory, so that tables
/// added later are included. Other programs may keep tables in the database, too, such as Litestream.
pub(crate) async fn own_tables() -> Result<&'static BTreeSet<String>, Fault> {
    static TABLES: OnceCell<BTreeSet<String>> = OnceCell::const_new();
    // Boxed, because the nesting of futures is too deep for the compiler.
    TABLES
        .get_or_try_init(|| {
            Box::pin(async {
                let mut options = ConnectOptions::new("sqlite::memory:");
                options.max_connections(1).sqlx_logging(false);
                let db = Database::connect(options).await?;
                let mut tables = BTreeSet::new();
                for _ in Migrator::migrations() {
                    Migrator::up(&db, Some(1)).await?;
                    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'";
                    let names = Statement::from_string(db.get_database_backend(), names);
                    for row in db.query_all_raw(names).await? {
                        tables.insert(row.try_get_by_index(0)?);
                    }
                }
                db.close().await?;
                Ok(tables)
            })
        })
        .await
}

/// Name of the newest applied migration. `None` for an empty database.
///
/// # Errors
/// [`Error::NewerSchema`] if the database has a migration that this program does not know.
pub(crate) async fn schema_version(manager: &SchemaManager<'_>) -> Result<Option<String>, Fault> {
    Ok(applied(manager).await?.pop())
}

/// Whether migrations are pending.
///
/// # Errors
/// See [`schema_version`].
pub(crate) async fn are_pending(manager: &SchemaManager<'_>) -> Result<bool, Fault> {
    Ok(applied(manager).await?.len() < Migrator::migrations().len())
}

async fn applied(manager: &SchemaManager<'_>) -> Result<Vec<String>, Fault> {
    let table = Migrator::migration_table_name();
    if !manager.has_table(table.to_string()).await? {
        return Ok(Vec::new());
    }
    let query = Query::select()
        .column("version")
        .from(table)
        .order_by("version", Order::Asc)
        .to_owned();
    let rows = manager.get_connection().query_all(&query).await?;
    let found: Vec<String> = rows
        .iter()
        .map(|row| row.try_get("", "version"))
        .collect::<Result<_, DbErr>>()?;
    let known: Vec<String> = Migrator::migrations()
        .iter()
        .map(|migration| migration.name().to_owned())
        .collect();
    let found: Vec<_> = found.into_iter().filter(|name| name != UNFINISHED).collect();
    if let Some(unknown) = found.iter().rfind(|name| !known.contains(name)) {
        let known = known.last().cloned().unwrap_or_default();
        return Err(Error::NewerSchema {
            found: unknown.clone(),
            known,
        }
        .into());
    }
    Ok(found)
}
