//! Log output: always the terminal's stderr, and a rotated file if the server is configured so.
//!
//! Results of commands go to stdout and are not part of the log.

mod one_line;
mod rotate;

use std::io;

use anyhow::Context as _;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Layer, filter::Targets, fmt, fmt::MakeWriter, layer::SubscriberExt as _, registry::LookupSpan, reload,
    util::SubscriberInitExt as _,
};

use one_line::OneLine;
use rotate::RotatingFile;

use crate::config::{LogFormat, LoggingConfig};

/// Crates whose `INFO` and `DEBUG` lines are useless to users.
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

/// Changes the log level of the server.
pub struct LogLevel(Box<dyn Fn(LevelFilter) + Send + Sync>);

impl LogLevel {
    /// Sets the log level from now on.
    pub fn set(&self, level: LevelFilter) {
        (self.0)(level);
    }
}

/// Starts logging for the server: terminal and file.
///
/// # Errors
/// If the log file cannot be opened.
pub fn start_for_server(config: &LoggingConfig) -> anyhow::Result<LogLevel> {
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
    let (filters, handle) = reload::Layer::new(filter(config.level));
    let file = file.map(|file| lines(config.format, false, file));
    let terminal = lines(config.format, is_colourful(), io::stderr);
    tracing_subscriber::registry()
        .with(filters)
        .with(file)
        .with(terminal)
        .init();
    Ok(LogLevel(Box::new(move |level| {
        // Fails only when the log is gone, so there is nowhere to report it.
        handle.reload(filter(level)).ok();
    })))
}

/// Starts logging for a command: warnings, on the terminal.
pub fn start_for_command(config: &LoggingConfig) {
    let level = config.level.min(LevelFilter::WARN);
    let terminal = lines(LogFormat::Text, is_colourful(), io::stderr).with_filter(filter(level));
    tracing_subscriber::registry().with(terminal).init();
}

/// Text lines for users, or one JSON object per line for programs.
fn lines<S, W>(format: LogFormat, colourful: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match format {
        LogFormat::Text => {
            let writer = OneLine {
                inner: writer,
                colourful,
            };
            fmt::layer().with_writer(writer).with_ansi(colourful).boxed()
        }
        // The JSON format escapes control characters itself.
        LogFormat::Json => fmt::layer().with_writer(writer).json().with_ansi(false).boxed(),
    }
}

fn is_colourful() -> bool {
    io::IsTerminal::is_terminal(&io::stderr())
}

fn filter(level: LevelFilter) -> Targets {
    let of_others = level.min(LevelFilter::WARN);
    Targets::new()
        .with_default(level)
        .with_targets(CHATTY.map(|name| (name, of_others)))
}
