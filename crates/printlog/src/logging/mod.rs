//! Where log lines go: the terminal's stderr always, and a rotated file if the server is configured so.
//!
//! Results of commands go to stdout and are no business of the log.

mod rotate;

use std::io;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::LoggingConfig;
use rotate::RotatingFile;

/// Crates whose own `INFO` and `DEBUG` lines say nothing to the owner of a printer.
const CHATTY: [&str; 9] = [
    "hyper",
    "hyper_util",
    "rustls",
    "sea_orm",
    "sea_orm_migration",
    "sqlx",
    "tokio_tungstenite",
    "tower_http",
    "tungstenite",
];

/// Starts the log of the server: terminal and file.
///
/// # Errors
/// When the log file cannot be opened.
pub fn start_for_server(config: &LoggingConfig) -> anyhow::Result<()> {
    let file = config
        .file
        .as_deref()
        .map(|path| {
            RotatingFile::open(path).with_context(|| {
                format!(
                    "cannot open the log file {} (logging.file; set it to null for no file)",
                    path.display()
                )
            })
        })
        .transpose()?;
    let filter = filter(config.level);
    let file = file.map(|file| {
        fmt::layer()
            .with_ansi(false)
            .with_writer(file)
            .with_filter(filter.clone())
    });
    tracing_subscriber::registry()
        .with(file)
        .with(to_terminal().with_filter(filter))
        .init();
    Ok(())
}

/// Starts the log of a command that does its work and ends: warnings, on the terminal.
pub fn start_for_command(config: &LoggingConfig) {
    let level = config.level.min(LevelFilter::WARN);
    tracing_subscriber::registry()
        .with(to_terminal().with_filter(filter(level)))
        .init();
}

fn to_terminal<S>() -> fmt::Layer<S, fmt::format::DefaultFields, fmt::format::Format, fn() -> io::Stderr>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let colourful = io::IsTerminal::is_terminal(&io::stderr());
    fmt::layer()
        .with_ansi(colourful)
        .with_writer(io::stderr as fn() -> io::Stderr)
}

fn filter(level: LevelFilter) -> Targets {
    let of_others = level.min(LevelFilter::WARN);
    Targets::new()
        .with_default(level)
        .with_targets(CHATTY.map(|name| (name, of_others)))
}
