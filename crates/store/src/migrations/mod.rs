//! Migrations, one file each, the same for every engine; never edited once released.
//!
//! MySQL and MariaDB commit at every change of the schema, so each migration can be run again after it was cut off.

mod m0001_initial;
mod m0002_slicer_details;
mod m0003_analytics;
mod m0004_search;
mod m0005_sessions;
mod m0005_user_notes;
mod m0006_scopes_and_counts;

use sea_orm::{ConnectionTrait, DynIden};
use sea_orm_migration::{MigratorTrait, prelude::*};

use crate::{Error, error::Fault};

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
        ]
    }

    fn migration_table_name() -> DynIden {
        "schema_migrations".into_iden()
    }
}

/// Name of the newest migration in the database. `None` if it is empty.
///
/// # Errors
/// [`Error::NewerSchema`] if it has one that this program does not know.
pub(crate) async fn schema_version(manager: &SchemaManager<'_>) -> Result<Option<String>, Fault> {
    Ok(applied(manager).await?.pop())
}

/// Whether migrations are still to be run.
///
/// # Errors
/// As of [`schema_version`].
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
