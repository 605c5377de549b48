//! `printlog backup`, `restore` and `migrate-database`.

use std::path::Path;

use serde::Serialize;
use store::{Backup, Location, Occasion, Store, TableSum};

use super::{
    Context, Exit, UsageError,
    arguments::{BackUp, MigrateDatabase, RestoreBackup},
    output::{Table, print_json, print_line},
    secret,
};
use crate::{
    config::{Config, database_url},
    ingest::Clock,
};

#[derive(Serialize)]
struct BackupBody {
    path: String,
    bytes: u64,
    schema_version: String,
    tables: Vec<TableBody>,
}

#[derive(Serialize)]
struct TableBody {
    table: String,
    rows: u64,
    /// The same for the same rows on every engine.
    checksum: String,
    /// Rows that are there now. `null` if nothing is compared.
    rows_now: Option<u64>,
}

#[derive(Serialize)]
struct Copied {
    /// `false` after a dry run.
    done: bool,
    /// Backup of what was there before. `null` if there was nothing, or nothing was done.
    replaced: Option<String>,
    tables: Vec<TableBody>,
}

fn body(sum: TableSum) -> TableBody {
    TableBody {
        table: sum.table,
        rows: sum.rows,
        checksum: sum.checksum,
        rows_now: None,
    }
}

pub(super) async fn back_up(context: &Context, config: &Config, arguments: BackUp) -> anyhow::Result<Exit> {
    let folder = arguments.folder.as_deref().unwrap_or(&config.backup.folder);
    let backup = context
        .store
        .back_up(folder, &Occasion::Wanted, context.clock.now())
        .await?;
    if arguments.output.json {
        print_json(&BackupBody {
            path: backup.path.display().to_string(),
            bytes: backup.bytes,
            schema_version: backup.schema_version,
            tables: backup.tables.into_iter().map(body).collect(),
        })?;
    } else {
        let jobs = backup.rows("print_jobs").unwrap_or(0);
        print_line(&format!(
            "{}: {jobs} jobs, {:.1} MB, opened again and sound",
            backup.path.display(),
            megabytes(backup.bytes)
        ))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn restore(config: &Config, arguments: RestoreBackup) -> anyhow::Result<Exit> {
    let backup = store::verify_backup(&arguments.file).await?;
    let clock = Clock::start();
    if arguments.dry_run {
        let tables = compared(&backup, &config.database).await?;
        print_tables(
            tables,
            None,
            arguments.output.json,
            "The backup is sound. Nothing was changed.",
        )?;
        return Ok(Exit::Done);
    }
    let replaced = match is_there(&config.database) {
        true => Some(save_what_is_there(config, clock).await?),
        false => None,
    };
    let restored = store::restore_backup(&arguments.file, &config.database).await?;
    let told = match &replaced {
        Some(path) => format!("Restored. What was there before is in {path}."),
        None => "Restored.".to_owned(),
    };
    print_tables(
        restored.into_iter().map(body).collect(),
        replaced,
        arguments.output.json,
        &told,
    )?;
    Ok(Exit::Done)
}

pub(super) async fn migrate_database(arguments: MigrateDatabase) -> anyhow::Result<Exit> {
    let from = location("from", &arguments.from, arguments.from_password_file.as_deref())?;
    let to = location("to", &arguments.to, arguments.to_password_file.as_deref())?;
    if !is_there(&from) {
        return Err(UsageError(format!("there is no database {from}")).into());
    }
    let moved = store::move_database(&from, &to).await?;
    print_tables(
        moved.into_iter().map(body).collect(),
        None,
        arguments.output.json,
        "Moved; every table has the same rows with the same checksum. Set `database` in the configuration now.",
    )?;
    Ok(Exit::Done)
}

/// The database that `--name URL` means.
fn location(name: &str, url: &str, password_file: Option<&Path>) -> anyhow::Result<Location> {
    let mut location = database_url(url).ok_or_else(|| {
        UsageError(format!(
            "--{name} is no database; allowed is sqlite://PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE"
        ))
    })?;
    let Some(file) = password_file else {
        return Ok(location);
    };
    let password = secret::read(file, "the password")?;
    match &mut location {
        Location::MySql { url } if url.password().is_none() => {
            let password = password.trim_end_matches(['\r', '\n']);
            url.set_password(Some(password))
                .map_err(|()| UsageError(format!("--{name} has no account that a password could be of")))?;
        }
        Location::MySql { .. } => {
            let text = format!("--{name} has a password; --{name}-password-file must go, or that");
            return Err(UsageError(text).into());
        }
        Location::Sqlite { .. } => {
            return Err(UsageError(format!("--{name} is a file and has no password")).into());
        }
    }
    Ok(location)
}

/// Whether there may be something to lose. A server is asked when it is opened.
fn is_there(location: &Location) -> bool {
    match location {
        Location::Sqlite { path } => path.metadata().is_ok_and(|file| file.len() > 0),
        Location::MySql { .. } => true,
    }
}

/// A backup of it; a file that is too damaged for one is put aside.
async fn save_what_is_there(config: &Config, clock: Clock) -> anyhow::Result<String> {
    // No backup is to be made of what a server is about to change.
    let _alone = store::InstanceLock::take(&config.database)?;
    let now = clock.now();
    let saved = async {
        let store = Store::open_with(&config.database, None).await?;
        let backup = store
            .back_up(&config.backup.folder, &Occasion::BeforeRestore, now)
            .await;
        store.close().await?;
        Ok::<_, store::Error>(backup?.path)
    };
    match (saved.await, &config.database) {
        (Ok(path), _) => Ok(path.display().to_string()),
        (Err(cause), Location::Sqlite { path }) if !cause.is_transient() => {
            let aside = store::set_aside(path, now)?;
            eprintln!(
                "printlog: what is there cannot be backed up ({:#}); it is kept as {}",
                anyhow::Error::new(cause),
                aside.display()
            );
            Ok(aside.display().to_string())
        }
        (Err(store::Error::Unfinished { .. }), _) => Ok("(an incomplete database)".to_owned()),
        (Err(cause), _) => Err(cause.into()),
    }
}

async fn compared(backup: &Backup, location: &Location) -> anyhow::Result<Vec<TableBody>> {
    let now = match is_there(location) {
        true => store::table_sums(location).await?,
        false => Vec::new(),
    };
    let mut tables: Vec<_> = backup.tables.iter().cloned().map(body).collect();
    for table in &mut tables {
        table.rows_now = now
            .iter()
            .find(|sum| sum.table == table.table)
            .map(|sum| sum.rows);
    }
    Ok(tables)
}

fn print_tables(
    tables: Vec<TableBody>,
    replaced: Option<String>,
    json: bool,
    told: &str,
) -> anyhow::Result<()> {
    let is_dry = tables.iter().any(|table| table.rows_now.is_some());
    if json {
        return print_json(&Copied {
            done: !is_dry,
            replaced,
            tables,
        });
    }
    if is_dry {
        let mut shown = Table::new(["table", "rows in the backup", "rows now"]);
        for table in tables {
            let now = table
                .rows_now
                .map_or_else(|| "-".to_owned(), |rows| rows.to_string());
            shown.row([table.table, table.rows.to_string(), now]);
        }
        shown.print()?;
    } else {
        let mut shown = Table::new(["table", "rows", "checksum"]);
        for table in tables {
            shown.row([table.table, table.rows.to_string(), table.checksum]);
        }
        shown.print()?;
    }
    print_line(told)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
