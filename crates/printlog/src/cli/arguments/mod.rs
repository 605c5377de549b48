//! The command line's arguments and their `--help` texts.

mod job_filter;
mod jobs;
mod keys;
mod printers;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::export::ImportFormat;

pub(super) use job_filter::JobFilterArguments;
pub(super) use jobs::{JobsCommand, ListJobs, RestoreJob};
pub(super) use keys::{CreateKey, KeysCommand, RevokeKey};
pub(super) use printers::{AddPrinter, EditPrinter, PrinterKey, PrintersCommand, RemovePrinter, TestPrinter};

/// Records every print of every Klipper printer, exactly once and correctly.
#[derive(Debug, Parser)]
#[command(
    name = "printlog",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Getting started:
  printlog serve                                        start the server; shows the first API key
  printlog printers add Voron http://voron.local:7125   add a printer, and import its history
  printlog jobs list                                    show recorded jobs
  printlog check                                        find problems, and suggest what to do

Commands use the database directly, whether the server is running or not. A running server applies changes within seconds.
Results go to stdout, everything else to stderr.

Exit codes:
  0  done
  1  failed; stderr shows the reason
  2  invalid arguments or configuration
  3  `check`, `health` or `printers test` found a problem"
)]
pub struct Arguments {
    /// Configuration file, which must exist; CONFIG_PATH sets it, too. Default: ./config.yml, or
    /// /etc/printlog/config.yml for /usr/bin/printlog, if it exists
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start the server: record the prints of all printers, and serve the API and the dashboard
    Serve,
    /// Add, list, test and remove printers
    #[command(subcommand)]
    Printers(PrintersCommand),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// List and export jobs
    #[command(subcommand)]
    Jobs(Box<JobsCommand>),
    /// Import an export of jobs
    #[command(after_help = "\
Examples:
  printlog import jobs.ndjson --dry-run
  printlog import jobs.csv

Reads the output of `jobs export` in CSV, NDJSON or JSON, also after a spreadsheet has saved it. Existing jobs stay
unchanged, so importing a file twice has no effect; deleted jobs are not added again. Missing printers are added as
inactive. Invalid lines are reported on stderr, all others are imported, and the exit code is 1.")]
    Import(ImportFile),
    /// Read the slicer data of jobs again
    #[command(subcommand)]
    Details(DetailsCommand),
    /// Show the contents of G-code files: slicer, settings, materials, estimates
    #[command(after_help = "\
Examples:
  printlog gcode cube.gcode
  printlog gcode --json gcodes/ | jq .details.filament_type

Reads only the beginning and the end of each file, and needs neither configuration nor database. Files that cannot be
read are reported on stderr, all others are shown, and the exit code is 1.")]
    Gcode(ReadGcode),
    /// Back up the database; the server may be running
    #[command(after_help = "\
Examples:
  printlog backup
  printlog backup --folder /mnt/nas/printlog --json

Writes a SQLite file, whatever the engine of the database is, and verifies it: opens it again, checks its integrity and
counts its rows. The server makes backups automatically, see `backup.schedule`.")]
    Backup(BackUp),
    /// Restore a backup. The server must not be running
    #[command(after_help = "\
Examples:
  printlog restore data/backups/printlog-20260131T020304Z.db --dry-run
  printlog restore data/backups/printlog-20260131T020304Z.db

The current data is backed up first. A backup of an older version is upgraded, and a backup of any database engine can be
restored into any other. With --dry-run the backup is verified and compared, and nothing is changed.")]
    Restore(RestoreBackup),
    /// Copy everything to another database: SQLite, MySQL or MariaDB. The server must not be running
    #[command(after_help = "\
Example:
  printlog migrate-database --from sqlite:///var/lib/printlog/printlog.db --to mysql://printlog@db/printlog \
    --to-password-file mysql_password

The target must be empty; it is created if it does not exist. Afterwards, rows and checksums of every table are compared.
The source stays unchanged. Then set `database` in the configuration.")]
    MigrateDatabase(MigrateDatabase),
    /// Show how much space each part of the database takes
    Space(Output),
    /// Recompute the aggregates of the analytics from the jobs
    #[command(after_help = "\
Not needed in normal operation: each job updates the aggregates, and `printlog check` verifies them. The server may be
running.")]
    RebuildAggregates(Output),
    /// Find problems with the configuration, the database and the printers, and show what to do
    #[command(after_help = "\
Reads the configuration, opens the database (and upgrades it), verifies that totals and aggregates of each printer match
its jobs, and tests the connection to every active printer.

Exits with 0 if there is no problem, with 3 if there is one, and with 2 if the configuration is invalid.")]
    Check(Output),
    /// Check the running server; for health checks of containers and services
    #[command(after_help = "\
Requests GET /health from the server that runs with this configuration on this machine, and shows which parts fail.

Exits with 0 if the server works, possibly with a warning, with 3 if a part fails, and with 1 if there is no response.")]
    Health(Output),
    /// Write a file to attach to a bug report: versions, configuration, findings and log, without keys and passwords
    Diagnostics(Diagnostics),
}

/// Output of the diagnostics.
#[derive(Debug, Args)]
pub(super) struct Diagnostics {
    /// Zip file to write; it must not exist. Default: printlog-diagnostics-DATE.zip
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// An export to import.
#[derive(Debug, Args)]
pub(super) struct ImportFile {
    /// The file; `-` is stdin
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Format of the file; detected by default
    #[arg(long, value_enum)]
    pub(super) format: Option<ImportFormat>,
    /// Only count the jobs; change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Options of a backup.
#[derive(Debug, Args)]
pub(super) struct BackUp {
    /// Folder to write to; default: `backup.folder`
    #[arg(long, value_name = "FOLDER")]
    pub(super) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// A backup to restore.
#[derive(Debug, Args)]
pub(super) struct RestoreBackup {
    /// Backup file
    pub(super) file: PathBuf,
    /// Only verify the backup and compare it with the current data
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Databases to copy between.
#[derive(Debug, Args)]
pub(super) struct MigrateDatabase {
    /// URL of the source: sqlite://PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL")]
    pub(super) from: String,
    /// URL of the target
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// Read the password of `--from` from a file, or from stdin with `-`, so that the list of processes does not show
    /// it
    #[arg(long, value_name = "FILE")]
    pub(super) from_password_file: Option<PathBuf>,
    /// Read the password of `--to` from a file, or from stdin with `-`
    #[arg(long, value_name = "FILE")]
    pub(super) to_password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Commands for details.
#[derive(Debug, Subcommand)]
pub(super) enum DetailsCommand {
    /// Read details again; the running server does this in the background
    Refresh(RefreshDetails),
}

/// Which details.
#[derive(Debug, Args)]
pub(super) struct RefreshDetails {
    /// All jobs without details from their file
    #[arg(long, required = true)]
    pub(super) missing: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Files to read.
#[derive(Debug, Args)]
pub(super) struct ReadGcode {
    /// G-code files, or folders with G-code files
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Print JSON, one object per line
    #[arg(long)]
    pub(super) json: bool,
}

/// Format of the output.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// Print JSON, for scripts
    #[arg(long)]
    pub(super) json: bool,
}
