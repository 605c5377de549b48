//! `printlog backup`, `restore` and `migrate-database`.

use std::path::Path;

use serde::Serialize;
use store::{BackupReason, Location, Replaced, Restore, TableSum};

use crate::{
    cli::{
        Context, Exit, UsageError,
        arguments::{BackUp, MigrateDatabase, RestoreBackup},
        output::{Table, print_json, print_line},
        secret,
    },
    clock::Clock,
    config::{Config, database_url},
    error_chain::ErrorChain,
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
    /// Equal for equal rows on every engine.
    checksum: String,
    /// Current number of rows. `null` if nothing is compared.
    rows_now: Option<u64>,
}

#[derive(Serialize)]
struct Copied {
    /// `false` after a dry run.
    done: bool,
    /// Backup of the replaced database. `null` if there was none, or nothing was done.
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
        .back_up(folder, &BackupReason::Requested, context.clock.now())
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
            "{}: {jobs} jobs, {:.1} MB, verified",
            backup.path.display(),
            megabytes(backup.bytes)
        ))?;
    }
    Ok(Exit::Done)
}

pub(super) async fn restore(config: &Config, arguments: RestoreBackup) -> anyhow::Result<Exit> {
    let backups = &config.backup.folder;
    let json = arguments.output.json;
    let restore = Restore::prepare(&arguments.file, &config.database, backups).await?;
    if arguments.dry_run {
        let tables = compared(restore.tables(), &config.database).await?;
        let text = "The backup is valid and can be restored. Nothing was changed.";
        let copied = Copied {
            done: false,
            replaced: None,
            tables,
        };
        print_tables(copied, json, text)?;
        return Ok(Exit::Done);
    }
    let restored = restore.finish(backups, Clock::start().now()).await?;
    let replaced = match restored.replaced {
        Replaced::Nothing => None,
        Replaced::BackedUp(path) => Some(path.display().to_string()),
        Replaced::SetAside(path, cause) => {
            eprintln!(
                "printlog: the previous database cannot be backed up ({}); its file is kept as {}",
                ErrorChain(&cause),
                path.display()
            );
            Some(path.display().to_string())
        }
        Replaced::Unfinished => Some("(an incomplete database)".to_owned()),
    };
    let text = match &replaced {
        Some(path) => format!("Restored. The previous data is in {path}."),
        None => "Restored.".to_owned(),
    };
    let copied = Copied {
        done: true,
        replaced,
        tables: restored.tables.into_iter().map(body).collect(),
    };
    print_tables(copied, json, &text)?;
    Ok(Exit::Done)
}

pub(super) async fn migrate_database(arguments: MigrateDatabase) -> anyhow::Result<Exit> {
    let from = location("from", &arguments.from, arguments.from_password_file.as_deref())?;
    let to = location("to", &arguments.to, arguments.to_password_file.as_deref())?;
    if !is_there(&from) {
        return Err(UsageError(format!("there is no database {from}")).into());
    }
    let moved = store::move_database(&from, &to).await?;
    let copied = Copied {
        done: true,
        replaced: None,
        tables: moved.into_iter().map(body).collect(),
    };
    print_tables(
        copied,
        arguments.output.json,
        "Copied; every table has the same rows with the same checksum. Now set `database` in the configuration.",
    )?;
    Ok(Exit::Done)
}

/// The database that the option `--name URL` names.
fn location(name: &str, url: &str, password_file: Option<&Path>) -> anyhow::Result<Location> {
    let mut location = database_url(url).ok_or_else(|| {
        UsageError(format!(
            "--{name} is not a database URL; allowed is sqlite://PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE"
        ))
    })?;
    let Some(file) = password_file else {
        return Ok(location);
    };
    let password = secret::read(file, "the password")?;
    match &mut location {
        Location::MySql { url } if url.password().is_none() => {
            let password = password.trim_end_matches(['\r', '\n']);
            url.set_password(Some(password)).map_err(|()| {
                UsageError(format!("--{name} has no user that the password could belong to"))
            })?;
        }
        Location::MySql { .. } => {
            let text =
                format!("--{name} has a password already; remove it, or remove --{name}-password-file");
            return Err(UsageError(text).into());
        }
        Location::Sqlite { .. } => {
            return Err(UsageError(format!("--{name} is a file and has no password")).into());
        }
    }
    Ok(location)
}

/// Whether there may be data to lose. A server is checked when it is opened.
fn is_there(location: &Location) -> bool {
    match location {
        Location::Sqlite { path } => path.metadata().is_ok_and(|file| file.len() > 0),
        Location::MySql { .. } => true,
    }
}

async fn compared(restored: &[TableSum], location: &Location) -> anyhow::Result<Vec<TableBody>> {
    let now = match is_there(location) {
        // A damaged database has no rows to compare, but is replaced nevertheless.
        true => match store::table_sums(location).await {
            Err(cause) if cause.is_of_damage() => Vec::new(),
            sums => sums?,
        },
        false => Vec::new(),
    };
    let mut tables: Vec<_> = restored.iter().cloned().map(body).collect();
    for table in &mut tables {
        table.rows_now = now
            .iter()
            .find(|sum| sum.table == table.table)
            .map(|sum| sum.rows);
    }
    Ok(tables)
}

fn print_tables(copied: Copied, json: bool, text: &str) -> anyhow::Result<()> {
    if json {
        return print_json(&copied);
    }
    let tables = copied.tables;
    if !copied.done {
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
    print_line(text)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
