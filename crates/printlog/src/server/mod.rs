//! The server from start to stop: opens the port and the database, then records the printers and serves requests.

pub mod lifecycle;
mod recording_lease;
pub mod reload;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    num::NonZero,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail};
use axum::Router;
use store::{InstanceLock, Journal, KeyScope, Location, Opener, Store};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    api::{
        self, Live, Usage,
        state::{ApiState, Core, Start},
    },
    clock::Clock,
    config::{ApiConfig, Backfill, Config, MoonrakerConfig},
    details::{self, DetailsSettings},
    error_chain::ErrorChain,
    housekeeping,
    ingest::{BackfillSetting, Fleet, FleetSettings},
    retry::Backoff,
    server::recording_lease::RecordingLease,
    serving::{self, clients::TrustedProxies},
};

/// First and longest pause between two attempts to reach the database server.
const DATABASE_RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15));
/// Log text for SQLite without a write-ahead log.
pub(crate) const NO_SHARED_MEMORY: &str = "the file system of the database has no shared memory (as 9p and virtiofs), so SQLite \
    works without a write-ahead log: recording waits while a long export reads; a local disk is better (database.path)";
/// Time limit for tasks and open requests at shutdown.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Opens the server's port. Called before anything else, so that a second server fails here.
///
/// # Errors
/// If the port is in use or may not be opened.
pub async fn listen(config: &ApiConfig) -> anyhow::Result<TcpListener> {
    let (host, port) = (config.host.as_str(), config.port);
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    TcpListener::bind((host, port)).await.map_err(|cause| {
        let hint = match cause.kind() {
            io::ErrorKind::AddrInUse => "; is another printlog running? api.port sets another port",
            io::ErrorKind::PermissionDenied => {
                "; ports below 1024 are reserved for root; set another one with api.port"
            }
            _ => "; check api.host and api.port",
        };
        anyhow::Error::new(cause).context(format!("cannot listen on {host}:{port}{hint}"))
    })
}

/// Runs the server until `stop`, then shuts down in order.
///
/// # Errors
/// If the database cannot be used, or if a part of the server has crashed. The service manager should then restart
/// the process.
pub async fn run(config: Config, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    run_reloading(&watch::Sender::new(config), listener, Clock::start(), stop).await
}

/// Like [`run`], with settings that may change while the server runs; `reload` defines which.
///
/// # Errors
/// Like [`run`].
pub async fn run_reloading(
    settings: &watch::Sender<Config>,
    listener: TcpListener,
    clock: Clock,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let config = settings.borrow().clone();
    // Taken before anything is read: two servers on one file would record every print twice.
    let _lock = InstanceLock::take(&config.database)?;
    housekeeping::remove_leftovers(&config, clock.now());
    config
        .moonraker
        .trust_ca_file()
        .context("see moonraker.ca_file in the configuration")?;
    let address = listener
        .local_addr()
        .context("cannot determine the address of the server")?;
    let tasks = TaskTracker::new();
    // Cancelled with `stop`, or when a part of the server crashes.
    let alive = stop.child_token();
    let (ready, core) = watch::channel(Start::WaitsForDatabase);

    let state = ApiState::new(core, clock, &config.api);
    let router = api::router(state.clone(), settings.subscribe());
    let proxies = TrustedProxies::new(&config.api.trusted_proxies);
    serve(listener, router, proxies.clone(), &tasks, &alive);
    info!("listening on http://{address}");
    if let Some(listen) = config.metrics.listen {
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen} (metrics.listen)"))?;
        serve(listener, api::metrics_only(state), proxies, &tasks, &alive);
        info!("serving metrics on http://{listen}/metrics, without an API key");
    }

    let Some(store) = open_database(&config, clock, &alive).await? else {
        return end(&stop, &tasks).await;
    };
    let waiting = || {
        ready.send_replace(Start::WaitsForLease);
    };
    let Some(lease) = RecordingLease::wait(&store, &alive, waiting).await? else {
        return end(&stop, &tasks).await;
    };
    lease.keep(&tasks, alive.clone());
    let store = lease.store.clone();
    // A server that waited for the lease may have read them long ago.
    store.read_settings().await?;
    create_first_key(&store, clock, address).await?;
    let fleet = Fleet::start(
        store.clone(),
        fleet_settings(&config.moonraker),
        clock,
        &tasks,
        alive.clone(),
    );
    let live = Live::start(&fleet, &store, clock, &tasks, alive.clone());
    let details_fail = details::start(
        store.clone(),
        fleet.clone(),
        DetailsSettings {
            enabled: config.details.enabled,
            rate: config.details.rate,
        },
        clock,
        &tasks,
        alive.clone(),
    );
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let housekeeping = housekeeping::start(store.clone(), settings.subscribe(), clock, &tasks, alive.clone());
    ready.send_replace(Start::Done(Box::new(Core {
        store: store.clone(),
        usage: Usage::start(store.clone(), clock, &tasks, alive.clone()),
        fleet,
        details_fail,
        housekeeping,
        settings: settings.subscribe(),
        live,
        computing: Arc::new(Semaphore::new(cores)),
        cookie: api::cookie_of(store.instance().await?.as_deref()),
        exporting: Arc::new(Semaphore::new(api::EXPORTS_AT_ONCE)),
    })));
    tasks.spawn(read_aggregates(store.clone(), alive.clone()));

    alive.cancelled().await;
    let ended = end(&stop, &tasks).await;
    lease.end().await;
    if let Err(cause) = store.close().await {
        warn!("cannot close the database: {}", ErrorChain(&cause));
    }
    ended
}

/// Loads the aggregates in advance, because the first analytics request would have to wait for them.
async fn read_aggregates(store: Store, alive: CancellationToken) {
    if let Some(Err(cause)) = alive.run_until_cancelled(store.read_aggregates()).await {
        warn!("cannot read the aggregates: {}", ErrorChain(&cause));
    }
}

/// Serves requests until `alive` ends. Cancels `alive` if the task crashes.
fn serve(
    listener: TcpListener,
    router: Router,
    proxies: TrustedProxies,
    tasks: &TaskTracker,
    alive: &CancellationToken,
) {
    let guard = alive.clone().drop_guard();
    let serving = serving::serve(listener, router, proxies, tasks.clone(), alive.clone());
    tasks.spawn(async move {
        let _guard = guard;
        serving.await;
    });
}

/// Opens the database, retrying while a database server is not available. `None` if `alive` ended first.
async fn open_database(
    config: &Config,
    clock: Clock,
    alive: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    let location = &config.database;
    let mut backoff = DATABASE_RETRY;
    loop {
        let opening = config.open_store(Opener::Server, clock.now());
        let Some(opened) = alive.run_until_cancelled(opening).await else {
            return Ok(None);
        };
        let cause = match opened {
            Ok((store, backup)) => {
                if let Some(backup) = backup {
                    let (path, version) = (backup.path.display(), backup.schema_version);
                    info!(
                        "upgraded the database from {version}; the backup from before the upgrade is {path}"
                    );
                }
                info!("opened the database {location}");
                if let Some(trouble) = store.secret_trouble() {
                    warn!("cannot store or read the API keys of printers: {trouble}");
                }
                if let Some(exposure) = store.secret_exposure() {
                    warn!("{exposure}");
                }
                if store.journal() == Some(Journal::Rollback) {
                    warn!("{NO_SHARED_MEMORY}");
                }
                return Ok(Some(store));
            }
            Err(cause) if matches!(location, Location::MySql { .. }) && cause.is_transient() => cause,
            Err(cause) => {
                let is_damaged = cause.is_of_damage();
                let error = anyhow::Error::new(cause);
                return Err(match is_damaged {
                    false => error,
                    true => error.context(format!(
                        "the database is damaged; restore a backup with `printlog restore FILE`; the backups are in {}",
                        config.backup.folder.display()
                    )),
                });
            }
        };
        let pause = backoff.pause();
        warn!(
            "waiting for the database, next attempt in {pause:?}: {}",
            ErrorChain(&cause)
        );
        if alive
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return Ok(None);
        }
    }
}

/// Creates the first admin key if there is none, and prints it on the terminal. It is never logged in full.
async fn create_first_key(store: &Store, clock: Clock, address: SocketAddr) -> anyhow::Result<()> {
    let now = clock.now();
    if store.admin_key_count(now).await? > 0 {
        return Ok(());
    }
    let key = store
        .create_key("first start", KeyScope::Admin, None, now)
        .await?;
    info!(
        "created the first API key {}… and printed it on the terminal",
        key.record.key_prefix
    );
    let host = match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        ip => SocketAddr::new(ip, 0)
            .to_string()
            .trim_end_matches(":0")
            .to_owned(),
    };
    let (key, url) = (key.secret, format!("http://{host}:{}", address.port()));
    let program = std::env::args().next().unwrap_or_else(|| "printlog".to_owned());
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "
  printlog is running. On this first start it created an admin API key:

      {key}

  The key is shown only now; keep it. `{program} keys create NAME` creates more.

  Next, add a printer:

      browser       {url}/
      command line  {program} printers add Voron http://voron.local:7125
      API           curl -X POST {url}/api/printers -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"name\": \"Voron\", \"moonraker_url\": \"http://voron.local:7125\"}}'
"
    )
    .and_then(|()| out.flush())
    .context("cannot print the first API key")
}

/// Waits for the remaining tasks. Returns an error if the server ended without `stop`.
async fn end(stop: &CancellationToken, tasks: &TaskTracker) -> anyhow::Result<()> {
    let crashed = !stop.is_cancelled();
    tasks.close();
    if tokio::time::timeout(LAST_WORK, tasks.wait()).await.is_err() {
        warn!("some tasks did not end in time; exiting without them");
    }
    if crashed {
        bail!("a part of the server has crashed; the log says which");
    }
    info!("ended");
    Ok(())
}

fn fleet_settings(config: &MoonrakerConfig) -> FleetSettings {
    FleetSettings {
        reconnect_delay: config.reconnect_delay,
        max_reconnect_delay: config.max_reconnect_delay,
        health_check_interval: config.health_check_interval,
        backfill: match config.backfill {
            Backfill::All => BackfillSetting::All,
            Backfill::Nothing => BackfillSetting::Nothing,
            Backfill::Since(instant) => BackfillSetting::Since(instant),
        },
    }
}
