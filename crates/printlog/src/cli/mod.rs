//! The command line. Works on the database directly; a running server notices within seconds.

mod arguments;
mod backup;
mod check;
mod details;
mod diagnostics;
mod export;
mod gcode;
mod health;
mod import;
mod jobs;
mod keys;
mod output;
mod printers;
mod rebuild;
mod secret;
mod space;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use store::{Opener, Store};
use tokio::sync::watch;

pub use arguments::Arguments;

use arguments::{Command, Output};

use crate::{
    clock::Clock,
    config::{Config, ConfigError, MoonrakerConfig, RetentionConfig},
    input::FieldError,
    logging,
    server::{self, lifecycle, reload},
};

/// Path of the program, and of its configuration, in packages and container images.
const PACKAGED: (&str, &str) = ("/usr/bin/printlog", "/etc/printlog/config.yml");

/// Exit code of a command; `--help` documents the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    FoundTrouble = 3,
}

/// The arguments contradict each other, or a value is invalid.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct UsageError(String);

impl UsageError {
    fn of_fields(errors: &[FieldError]) -> Self {
        let messages: Vec<_> = errors
            .iter()
            .map(|error| format!("{}: {}", error.field, error.message))
            .collect();
        Self(messages.join("; "))
    }
}

/// Components that commands use.
struct Context {
    store: Store,
    clock: Clock,
    moonraker: MoonrakerConfig,
    retention: RetentionConfig,
}

/// Runs the command. Prints errors on stderr.
pub async fn run(arguments: Arguments) -> ExitCode {
    let exit = match carry_out(arguments).await {
        Ok(exit) => exit,
        // The reader of our output has closed the pipe.
        Err(error) if is_broken_pipe(&error) => Exit::Done,
        Err(error) => {
            eprintln!("printlog: {error:#}");
            match error.is::<ConfigError>() || error.is::<UsageError>() {
                true => Exit::Usage,
                false => Exit::Failed,
            }
        }
    };
    ExitCode::from(exit as u8)
}

async fn carry_out(arguments: Arguments) -> anyhow::Result<Exit> {
    let file = arguments.config.or_else(named_by_environment).or_else(of_package);
    let file = file.as_deref();
    match arguments.command {
        Command::Serve => serve(file).await,
        Command::Check(output) => check::check(file, output).await,
        Command::Health(output) => health::health(file, output).await,
        Command::RebuildAggregates(output) => {
            let context = Context::open(file).await?;
            let done = rebuild::run(&context, output).await;
            context.close(done).await
        }
        Command::Diagnostics(arguments) => diagnostics::run(file, arguments.output).await,
        Command::Printers(command) => {
            let context = Context::open(file).await?;
            let done = printers::run(&context, command).await;
            context.close(done).await
        }
        Command::Keys(command) => {
            let context = Context::open(file).await?;
            let done = keys::run(&context, command).await;
            context.close(done).await
        }
        Command::Backup(arguments) => {
            let config = load(file)?;
            let context = Context::open(file).await?;
            let done = backup::back_up(&context, &config, arguments).await;
            context.close(done).await
        }
        Command::Restore(arguments) => {
            let config = load(file)?;
            logging::start_for_command(&config.logging);
            backup::restore(&config, arguments).await
        }
        Command::MigrateDatabase(arguments) => {
            logging::start_for_command(&load(file)?.logging);
            backup::migrate_database(arguments).await
        }
        Command::Space(output) => {
            let context = Context::open(file).await?;
            let done = space::run(&context, output).await;
            context.close(done).await
        }
        Command::Gcode(arguments) => gcode::run(&arguments),
        Command::Details(command) => {
            let context = Context::open(file).await?;
            let done = details::run(&context, command).await;
            context.close(done).await
        }
        Command::Import(arguments) => {
            let context = Context::open(file).await?;
            let done = import::run(&context, &arguments).await;
            context.close(done).await
        }
        Command::Jobs(command) => {
            let context = Context::open(file).await?;
            let done = jobs::run(&context, *command).await;
            context.close(done).await
        }
    }
}

async fn serve(file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = load(file)?;
    let listener = server::listen(&config.api).await?;
    let log_level = logging::start_for_server(&config.logging)?;
    let stop = lifecycle::stop_on_signals()?;
    let settings = watch::Sender::new(config);
    reload::on_hangup(file.map(Path::to_owned), settings.clone(), log_level)?;
    server::run_reloading(&settings, listener, Clock::start(), stop).await?;
    Ok(Exit::Done)
}

/// The configuration file named by the environment. An empty variable names none: Compose files set one if their own
/// variable is not set.
fn named_by_environment() -> Option<PathBuf> {
    env::var_os("CONFIG_PATH")
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
}

/// The configuration of a program installed from a package, independent of the working directory.
fn of_package() -> Option<PathBuf> {
    let is_package = env::current_exe().is_ok_and(|program| program == Path::new(PACKAGED.0));
    let file = PathBuf::from(PACKAGED.1);
    (is_package && file.exists()).then_some(file)
}

fn load(file: Option<&Path>) -> Result<Config, ConfigError> {
    Config::load(file, env::vars_os())
}

impl Context {
    async fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let config = load(file)?;
        logging::start_for_command(&config.logging);
        let clock = Clock::start();
        let (store, _) = config.open_store(Opener::Command, clock.now()).await?;
        Ok(Self {
            store,
            clock,
            moonraker: config.moonraker,
            retention: config.retention,
        })
    }

    /// Closes the database, and returns the result of the command.
    async fn close(self, done: anyhow::Result<Exit>) -> anyhow::Result<Exit> {
        let closed = self.store.close().await;
        let exit = done?;
        closed?;
        Ok(exit)
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
    })
}
