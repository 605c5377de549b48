//! The command line's arguments and their `--help` texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::{JobStatus, Verdict};

use crate::export::{ExportFormat, ImportFormat};

/// Records every print of every Klipper printer, once and true.
#[derive(Debug, Parser)]
#[command(
    name = "printlog",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = "\
Getting started:
  printlog serve                                        start the server; shows the first API key
  printlog printers add Voron http://voron.local:7125   follow a printer, and import its history
  printlog jobs list                                    what was printed
  printlog check                                        what is wrong, and what to do

The commands work on the database directly, whether the server runs or not; it notices changes within seconds.
Results go to stdout, everything else to stderr.

Exit codes:
  0  done
  1  failed; stderr says why
  2  wrong arguments or wrong configuration
  3  `check`, `health` or `printers test` found something wrong"
)]
pub struct Arguments {
    /// Configuration file; CONFIG_PATH names it, too. Must exist then; else ./config.yml is read, if there is one, and by
    /// /usr/bin/printlog /etc/printlog/config.yml
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start the server: follow the printers, record their prints, answer the API
    Serve,
    /// Add, list, test and remove printers
    #[command(subcommand)]
    Printers(PrintersCommand),
    /// Create, list and revoke API keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// List and export jobs
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// Take an export of jobs back
    #[command(after_help = "\
Examples:
  printlog import jobs.ndjson --dry-run
  printlog import jobs.csv

Takes what `jobs export` writes as CSV, NDJSON or JSON, also after a spreadsheet has saved it. Jobs that are here already are left as they are, so that a second import
of the same file does nothing; jobs that have been deleted here do not come back. Printers that are not here are added,
switched off. Lines that are no jobs are told on stderr, the others are imported, and the exit code is 1.")]
    Import(ImportFile),
    /// Have the slicers' settings of jobs read anew
    #[command(subcommand)]
    Details(DetailsCommand),
    /// Show what gcode files say of themselves: slicer, settings, materials, estimates
    #[command(after_help = "\
Examples:
  printlog gcode cube.gcode
  printlog gcode --json gcodes/ | jq .details.filament_type

Reads only the beginning and the end of each file, and needs neither configuration nor database. With --json one object
a line. A file that cannot be read is told on stderr, the others are shown, and the exit code is 1.")]
    Gcode(ReadGcode),
    /// Back the database up, while the server runs or not
    #[command(after_help = "\
Examples:
  printlog backup
  printlog backup --folder /mnt/nas/printlog --json

Writes a SQLite file, whatever the database runs on, opens it again, looks for damage and counts its rows. The server
does the same by itself, see `backup.schedule`.")]
    Backup(BackUp),
    /// Put a backup in the place of the data. The server must not run
    #[command(after_help = "\
Examples:
  printlog restore data/backups/printlog-20260131T020304Z.db --dry-run
  printlog restore data/backups/printlog-20260131T020304Z.db

What is there now is backed up first. A backup of an older printlog is brought up to date, one of any database can be
restored into any other. With --dry-run the backup is proved and compared, and nothing is changed.")]
    Restore(RestoreBackup),
    /// Move everything to another database: SQLite, MySQL or MariaDB. The server must not run
    #[command(after_help = "\
Example:
  printlog migrate-database --from sqlite:///var/lib/printlog/printlog.db --to mysql://printlog@db/printlog \
    --to-password-file mysql_password

The target must be empty; it is made if it does not exist. Rows and checksums of every table are compared in the end. The
source stays as it is. Then set `database` in the configuration.")]
    MigrateDatabase(MigrateDatabase),
    /// Show what takes how much space in the database
    Space(Output),
    /// Compute the figures behind the analytics anew, from the jobs
    #[command(after_help = "\
Never needed while all is well: they change with each job, and `printlog check` proves them. May be run while the server
runs.")]
    RebuildAggregates(Output),
    /// Look for what is wrong with configuration, database and printers, and say what to do
    #[command(after_help = "\
Reads the configuration, opens the database (and brings it up to date), proves that the totals of each printer equal
the sums over its jobs and that the aggregates say what its jobs say, and reaches every printer that is not switched off in printlog.

Ends with 0 if all is well, with 3 if something is wrong, with 2 if the configuration cannot be used.")]
    Check(Output),
    /// Ask the running server whether it works; for health checks of containers and services
    #[command(after_help = "\
Asks GET /health of the server that runs with this configuration on this machine, and says which parts do not work.

Ends with 0 if it works, maybe with a warning, with 3 if a part does not work, with 1 if nothing answers.")]
    Health(Output),
    /// Write a file to attach to a report: versions, configuration, findings and log, without keys and passwords
    Diagnostics(Diagnostics),
}

/// Where the file goes.
#[derive(Debug, Args)]
pub(super) struct Diagnostics {
    /// File to write, a zip; printlog-diagnostics-DATE.zip if left out. It must not exist
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}

/// An export to take back.
#[derive(Debug, Args)]
pub(super) struct ImportFile {
    /// The file; `-` is stdin
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Its format; found out if left out
    #[arg(long, value_enum)]
    pub(super) format: Option<ImportFormat>,
    /// Only count; change nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// A backup to make.
#[derive(Debug, Args)]
pub(super) struct BackUp {
    /// Folder to write it into; `backup.folder` if left out
    #[arg(long, value_name = "FOLDER")]
    pub(super) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// A backup to restore.
#[derive(Debug, Args)]
pub(super) struct RestoreBackup {
    /// The backup
    pub(super) file: PathBuf,
    /// Only prove the backup, and compare it with what is there
    #[arg(long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Databases to move between.
#[derive(Debug, Args)]
pub(super) struct MigrateDatabase {
    /// URL of the database that is: sqlite://PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, value_name = "URL")]
    pub(super) from: String,
    /// URL of the database to be
    #[arg(long, value_name = "URL")]
    pub(super) to: String,
    /// Read the password of `--from` from a file; `-` is stdin. Keeps it out of the list of processes
    #[arg(long, value_name = "FILE")]
    pub(super) from_password_file: Option<PathBuf>,
    /// The same for `--to`
    #[arg(long, value_name = "FILE")]
    pub(super) to_password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What to do with details.
#[derive(Debug, Subcommand)]
pub(super) enum DetailsCommand {
    /// Have details read anew; a running server does it in the background
    Refresh(RefreshDetails),
}

/// Which details.
#[derive(Debug, Args)]
pub(super) struct RefreshDetails {
    /// Of all jobs that have not got them from their file
    #[arg(long, required = true)]
    pub(super) missing: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Files to read.
#[derive(Debug, Args)]
pub(super) struct ReadGcode {
    /// Gcode files, or folders of them
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long)]
    pub(super) json: bool,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// Print JSON, for scripts
    #[arg(long)]
    pub(super) json: bool,
}

/// What to do with printers.
#[derive(Debug, Subcommand)]
pub(super) enum PrintersCommand {
    /// Add a printer; a running server connects to it within seconds
    #[command(after_help = "\
Examples:
  printlog printers add Voron http://voron.local:7125
  printlog printers add \"Prusa MK4\" 192.168.1.20 --location Workshop --api-key-file mk4.key

The address is that of Moonraker, mostly on port 7125. `printlog printers test URL` tries it beforehand.")]
    Add(AddPrinter),
    /// List the printers with their totals
    List(Output),
    /// Try to reach a printer: a stored one by name or number, or a URL before it is added
    #[command(after_help = "\
Examples:
  printlog printers test Voron
  printlog printers test http://voron.local:7125 --api-key 0123456789abcdef

Ends with 0 if printlog can follow the printer, with 3 if not.")]
    Test(TestPrinter),
    /// Change a printer; what is not named stays. A running server follows within seconds
    #[command(after_help = "\
Examples:
  printlog printers edit Voron --url http://192.168.1.20:7125
  printlog printers edit Voron --api-key-file voron.key
  printlog printers edit Voron --inactive")]
    Edit(EditPrinter),
    /// Remove a printer
    #[command(after_help = "\
A printer with jobs is only removed with --delete-jobs, because they go with it. To keep them, switch the printer off
instead: `printlog printers edit PRINTER --inactive`.")]
    Remove(RemovePrinter),
}

/// A new printer.
#[derive(Debug, Args)]
pub(super) struct AddPrinter {
    /// What you call it; no two printers have the same name
    pub(super) name: String,
    /// Address of its Moonraker, such as http://voron.local:7125
    pub(super) url: String,
    #[command(flatten)]
    pub(super) key: PrinterKey,
    /// Where it stands
    #[arg(long)]
    pub(super) location: Option<String>,
    /// Add it switched off: nothing is recorded until it is switched on
    #[arg(long)]
    pub(super) inactive: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What is to change of a printer.
#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true,
    args = ["name", "url", "location", "api_key", "api_key_file", "no_api_key", "active", "inactive"])]
pub(super) struct EditPrinter {
    /// Name or number of the printer
    pub(super) printer: String,
    /// What you call it from now on
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Address of its Moonraker
    #[arg(long)]
    pub(super) url: Option<String>,
    /// Where it stands; "" is nowhere in particular
    #[arg(long)]
    pub(super) location: Option<String>,
    #[command(flatten)]
    pub(super) key: PrinterKey,
    /// Forget Moonraker's API key
    #[arg(long, conflicts_with_all = ["api_key", "api_key_file"])]
    pub(super) no_api_key: bool,
    /// Switch it on: follow it
    #[arg(long)]
    pub(super) active: bool,
    /// Switch it off: nothing is recorded until it is switched on
    #[arg(long, conflicts_with = "active")]
    pub(super) inactive: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// The API key of a printer.
#[derive(Debug, Args)]
pub(super) struct PrinterKey {
    /// Moonraker's API key, if it wants one
    #[arg(long, value_name = "KEY", conflicts_with = "api_key_file")]
    pub(super) api_key: Option<String>,
    /// Read Moonraker's API key from a file; `-` is stdin. Keeps it out of the list of processes
    #[arg(long, value_name = "FILE")]
    pub(super) api_key_file: Option<PathBuf>,
}

/// A printer to try.
#[derive(Debug, Args)]
pub(super) struct TestPrinter {
    /// Name or number of a printer, or a URL
    pub(super) printer: String,
    #[command(flatten)]
    pub(super) key: PrinterKey,
    #[command(flatten)]
    pub(super) output: Output,
}

/// A printer to remove.
#[derive(Debug, Args)]
pub(super) struct RemovePrinter {
    /// Name or number of the printer
    pub(super) printer: String,
    /// Delete its jobs, too
    #[arg(long)]
    pub(super) delete_jobs: bool,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What to do with API keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Make an API key. It is shown once: only its hash is stored
    #[command(after_help = "\
Examples:
  printlog keys create laptop
  printlog keys create grafana --scope read --expires 90d --json
  KEY=$(printlog keys create script --json | jq -r .key)")]
    Create(CreateKey),
    /// List the API keys
    List(Output),
    /// Revoke an API key; it is refused from now on
    Revoke(RevokeKey),
}

/// A new API key.
#[derive(Debug, Args)]
pub(super) struct CreateKey {
    /// What it is for
    pub(super) name: String,
    /// What it may do: read what was printed and how the printers are, or everything
    #[arg(long, value_enum, default_value_t = KeyScopeWord::Admin)]
    pub(super) scope: KeyScopeWord,
    /// When it ends: after a time (90d, 12h, 1y), on a date (2027-01-31, UTC) or at an instant. Never if left out
    #[arg(long, value_name = "WHEN")]
    pub(super) expires: Option<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyScopeWord {
    /// Read, and see no keys
    Read,
    /// Everything
    Admin,
}

impl From<KeyScopeWord> for store::KeyScope {
    fn from(word: KeyScopeWord) -> Self {
        match word {
            KeyScopeWord::Read => Self::Read,
            KeyScopeWord::Admin => Self::Admin,
        }
    }
}

/// An API key to revoke.
#[derive(Debug, Args)]
pub(super) struct RevokeKey {
    /// Number of the key, or its beginning as `keys list` shows it
    pub(super) key: String,
    #[command(flatten)]
    pub(super) output: Output,
}

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// List jobs, newest first
    #[command(after_help = "\
Examples:
  printlog jobs list --printer Voron --status error --since 2026-01-01
  printlog jobs list --q benchy --limit 10 --json
  printlog jobs list --sort -print_duration

With --json it prints {\"items\": [...], \"next\": cursor or null, \"total\": n}, as GET /api/jobs does.")]
    List(ListJobs),
    /// Export jobs, newest first
    #[command(after_help = export_help())]
    Export(ExportJobs),
}

fn export_help() -> String {
    format!(
        "\
Examples:
  printlog jobs export -o jobs.csv
  printlog jobs export --format ndjson --since 2026-01-01 | jq .filename

CSV is UTF-8 with a header. A text that a spreadsheet would take for a formula begins with an apostrophe there.
json is one array, ndjson one object a line; xlsx and parquet are best written to a file.

Columns:
{}",
        crate::export::columns_help()
    )
}

/// Which jobs.
#[derive(Debug, Args)]
pub(super) struct JobFilterArguments {
    /// Only of this printer, by name or number. May be given several times
    #[arg(long, visible_alias = "printer-id", value_name = "PRINTER")]
    pub(super) printer: Vec<String>,
    /// Only with this status: printing, paused, completed, error, cancelled, interrupted. May be given several times
    #[arg(long, value_delimiter = ',')]
    pub(super) status: Vec<JobStatus>,
    /// Only those that started at this date or instant (UTC), or later
    #[arg(long, value_name = "WHEN", value_parser = crate::input::instant)]
    pub(super) since: Option<jiff::Timestamp>,
    /// Only those that started before this date or instant (UTC)
    #[arg(long, value_name = "WHEN", value_parser = crate::input::instant)]
    pub(super) until: Option<jiff::Timestamp>,
    /// Only those whose file name, or title, notes or a tag, contains this
    #[arg(long, value_name = "TEXT", visible_alias = "search")]
    pub(super) q: Option<String>,
    /// Only of this material, as the slicer calls it, such as PLA. May be given several times
    #[arg(long, value_name = "TYPE")]
    pub(super) filament_type: Vec<String>,
    /// Only of files that this slicer made, by its name, such as OrcaSlicer. May be given several times
    #[arg(long, value_name = "NAME")]
    pub(super) slicer: Vec<String>,
    /// Only those that a user gave this verdict: good, partly_good, scrap. May be given several times
    #[arg(long, value_delimiter = ',', value_parser = crate::input::job::verdict)]
    pub(super) verdict: Vec<Verdict>,
    /// Only those that a user gave this tag. May be given several times, for jobs with one of them
    #[arg(long, value_parser = crate::input::job::tag)]
    pub(super) tag: Vec<String>,
}

/// A page of jobs.
#[derive(Debug, Args)]
pub(super) struct ListJobs {
    #[command(flatten)]
    pub(super) filter: JobFilterArguments,
    /// How many, at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub(super) limit: u32,
    /// Which come first: newest, oldest, or those that took least of print_duration, total_duration or filament_used; with
    /// a minus in front, such as -print_duration, most
    #[arg(long, value_name = "ORDER", default_value = "newest", value_parser = crate::input::page::order,
        allow_hyphen_values = true)]
    pub(super) sort: domain::ListOrder,
    /// Continue where a page ended: its `next`
    #[arg(long)]
    pub(super) cursor: Option<String>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// Jobs to export.
#[derive(Debug, Args)]
pub(super) struct ExportJobs {
    #[command(flatten)]
    pub(super) filter: JobFilterArguments,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub(super) format: ExportFormat,
    /// Begin CSV with a byte order mark: Excel takes it for text in the encoding of the country otherwise
    #[arg(long)]
    pub(super) bom: bool,
    /// Write to this file instead of stdout; it appears when it is complete
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
}
