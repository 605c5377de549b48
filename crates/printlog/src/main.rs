//! The `printlog` program.

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    printlog::cli::run(printlog::cli::Arguments::parse()).await
}
