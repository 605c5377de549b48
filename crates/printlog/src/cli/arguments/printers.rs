//! Arguments of `printlog printers`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::arguments::Output;

/// Commands for printers.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum PrintersCommand {
    /// Add a printer; a running server connects to it within seconds
    #[command(after_help = "\
Examples:
  printlog printers add Voron http://voron.local:7125
  printlog printers add \"Prusa MK4\" 192.168.1.20 --location Workshop --api-key-file mk4.key

The address is that of Moonraker, usually on port 7125. `printlog printers test URL` tests it before you add it.")]
    Add(AddPrinter),
    /// List the printers with their totals
    List(Output),
    /// Test the connection to a printer: by name or id, or by URL before it is added
    #[command(after_help = "\
Examples:
  printlog printers test Voron
  printlog printers test http://voron.local:7125 --api-key 0123456789abcdef

Exits with 0 if printlog can record the printer, else with 3.")]
    Test(TestPrinter),
    /// Change a printer; omitted settings stay unchanged. A running server applies changes within seconds
    #[command(after_help = "\
Examples:
  printlog printers edit Voron --url http://192.168.1.20:7125
  printlog printers edit Voron --api-key-file voron.key
  printlog printers edit Voron --inactive")]
    Edit(EditPrinter),
    /// Remove a printer
    #[command(after_help = "\
A printer with jobs is only removed with --delete-jobs, which deletes them. To keep them, deactivate the printer
instead: `printlog printers edit PRINTER --inactive`.")]
    Remove(RemovePrinter),
}

/// A new printer.
#[derive(Debug, Args)]
pub(in crate::cli) struct AddPrinter {
    /// Name of the printer; must be unique
    pub(in crate::cli) name: String,
    /// Address of its Moonraker, such as http://voron.local:7125
    pub(in crate::cli) url: String,
    #[command(flatten)]
    pub(in crate::cli) key: PrinterKey,
    /// Location
    #[arg(long)]
    pub(in crate::cli) location: Option<String>,
    /// Add it as inactive: nothing is recorded until it is activated
    #[arg(long)]
    pub(in crate::cli) inactive: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// Changes of a printer.
#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true,
    args = ["name", "url", "location", "api_key", "api_key_file", "no_api_key", "active", "inactive"])]
pub(in crate::cli) struct EditPrinter {
    /// Name or id of the printer
    pub(in crate::cli) printer: String,
    /// New name
    #[arg(long)]
    pub(in crate::cli) name: Option<String>,
    /// Address of its Moonraker
    #[arg(long)]
    pub(in crate::cli) url: Option<String>,
    /// Location; "" removes it
    #[arg(long)]
    pub(in crate::cli) location: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) key: PrinterKey,
    /// Remove Moonraker's API key
    #[arg(long, conflicts_with_all = ["api_key", "api_key_file"])]
    pub(in crate::cli) no_api_key: bool,
    /// Activate it
    #[arg(long)]
    pub(in crate::cli) active: bool,
    /// Deactivate it: nothing is recorded until it is activated
    #[arg(long, conflicts_with = "active")]
    pub(in crate::cli) inactive: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// The API key of a printer.
#[derive(Debug, Args)]
pub(in crate::cli) struct PrinterKey {
    /// Moonraker's API key, if it needs one
    #[arg(long, value_name = "KEY", conflicts_with = "api_key_file")]
    pub(in crate::cli) api_key: Option<String>,
    /// Read Moonraker's API key from a file, or from stdin with `-`, so that the list of processes does not show it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) api_key_file: Option<PathBuf>,
}

/// A printer to test.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestPrinter {
    /// Name or id of a printer, or a URL
    pub(in crate::cli) printer: String,
    #[command(flatten)]
    pub(in crate::cli) key: PrinterKey,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// A printer to remove.
#[derive(Debug, Args)]
pub(in crate::cli) struct RemovePrinter {
    /// Name or id of the printer
    pub(in crate::cli) printer: String,
    /// Also delete its jobs
    #[arg(long)]
    pub(in crate::cli) delete_jobs: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}
