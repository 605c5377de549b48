//! SIGHUP: reads the configuration again and applies the settings that can change at runtime.

use std::{env, path::PathBuf};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::{error, info, warn};

use crate::{
    config::{ApiConfig, Config, LoggingConfig},
    logging::LogLevel,
};

/// Reads the configuration at each SIGHUP, from the file that was named at the start and from the unchanged
/// environment. An invalid configuration changes nothing.
///
/// # Errors
/// If the system refuses to register the signal.
pub fn on_hangup(
    file: Option<PathBuf>,
    settings: watch::Sender<Config>,
    log_level: LogLevel,
) -> std::io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            let wanted = match Config::load(file.as_deref(), env::vars_os()) {
                Ok(wanted) => wanted,
                Err(cause) => {
                    error!("SIGHUP: {cause}; keeping the current settings");
                    continue;
                }
            };
            let now = settings.borrow().clone();
            let next = changeable(&now, &wanted);
            if next.logging.level != now.logging.level {
                log_level.set(next.logging.level);
            }
            match next == now {
                true => info!("SIGHUP: none of the settings that can change at runtime has changed"),
                false => info!("SIGHUP: applied the changed settings"),
            }
            let sections = needing_a_restart(&next, &wanted);
            if !sections.is_empty() {
                warn!(
                    "SIGHUP: other changed settings of {} take effect after a restart",
                    sections.join(", ")
                );
            }
            settings.send_replace(next);
        }
    });
    Ok(())
}

/// `now` with the changeable settings of `wanted`.
fn changeable(now: &Config, wanted: &Config) -> Config {
    Config {
        api: ApiConfig {
            cors_origins: wanted.api.cors_origins.clone(),
            ..now.api.clone()
        },
        backup: wanted.backup.clone(),
        retention: wanted.retention,
        logging: LoggingConfig {
            level: wanted.logging.level,
            ..now.logging.clone()
        },
        ..now.clone()
    }
}

/// The sections that differ and need a restart. Lists every field of `Config`, so that the compiler demands an entry for
/// a new one.
fn needing_a_restart(next: &Config, wanted: &Config) -> Vec<&'static str> {
    let Config {
        database,
        secret_file,
        moonraker,
        details,
        api,
        analytics,
        metrics,
        backup,
        retention,
        logging,
    } = wanted;
    let differ = [
        (
            "database",
            next.database != *database || next.secret_file != *secret_file,
        ),
        ("moonraker", next.moonraker != *moonraker),
        ("details", next.details != *details),
        ("api", next.api != *api),
        ("analytics", next.analytics != *analytics),
        ("metrics", next.metrics != *metrics),
        ("backup", next.backup != *backup),
        ("retention", next.retention != *retention),
        ("logging", next.logging != *logging),
    ];
    differ
        .into_iter()
        .filter_map(|(section, differs)| differs.then_some(section))
        .collect()
}
