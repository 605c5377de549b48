//! The server, read top to bottom: answer at once, open the database, follow the printers, until told to stop.

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
    api::{self, ApiState, Core, Live, Start, Usage},
    clients::TrustedProxies,
    config::{ApiConfig, Backfill, Config, MoonrakerConfig},
    enrich::{self, DetailsSettings},
    ingest::{BackfillSetting, Clock, Fleet, FleetSettings},
    serving,
    turn::Turn,
    upkeep,
};

/// First and longest pause between two attempts to reach the database server.
const DATABASE_RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// What it means that SQLite works without a write-ahead log.
pub(crate) const NO_SHARED_MEMORY: &str = "the file system of the database has no shared memory (as 9p and virtiofs), so SQLite \
    works without a write-ahead log: recording waits while a long export reads; a local disk is better (database.path)";
/// How long tasks and open requests may take to end.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Opens the port of the server, before anything else is done: a second server ends here.
///
/// # Errors
/// When the port is taken, or not ours to take.
pub async fn listen(config: &ApiConfig) -> anyhow::Result<TcpListener> {
    let (host, port) = (config.host.as_str(), config.port);
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    TcpListener::bind((host, port)).await.map_err(|cause| {
        let hint = match cause.kind() {
            io::ErrorKind::AddrInUse => "; does another printlog run? api.port sets another port",
            io::ErrorKind::PermissionDenied => "; ports below 1024 are for root, api.port sets another one",
            _ => "; api.host and api.port set where",
        };
        anyhow::Error::new(cause).context(format!("cannot listen on {host}:{port}{hint}"))
    })
}

/// Runs the server until `stop`, then ends in order.
///
/// # Errors
/// When the database cannot be used, and when a part of the server has crashed: whoever started the process should
/// start it again.
pub async fn run(config: Config, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    run_reloading(&watch::Sender::new(config), listener, Clock::start(), stop).await
}

/// As [`run`], with settings that may change while the server runs; `reload` says which.
///
/// # Errors
/// As of [`run`].
pub async fn run_reloading(
    settings: &watch::Sender<Config>,
    listener: TcpListener,
    clock: Clock,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let config = settings.borrow().clone();
    // Before anything is read: two servers on one file would record every print twice.
    let _lock = InstanceLock::take(&config.database)?;
    upkeep::remove_leftovers(&config, clock.now());
    config
        .moonraker
        .trust_ca_file()
        .context("see moonraker.ca_file in the configuration")?;
    let address = listener
        .local_addr()
        .context("cannot tell the address of the server")?;
    let tasks = TaskTracker::new();
    // Ends with `stop`, or by itself when a part crashes.
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
        info!("metrics on http://{listen}/metrics, for everybody who reaches that");
    }

    let Some(store) = open_database(&config, clock, &alive).await? else {
        return end(&stop, &tasks).await;
    };
    let waiting = || {
        ready.send_replace(Start::WaitsForTurn);
    };
    let Some(turn) = Turn::wait(&store, &alive, waiting).await? else {
        return end(&stop, &tasks).await;
    };
    turn.keep(&tasks, alive.clone());
    let store = turn.store.clone();
    introduce(&store, clock, address).await?;
    let fleet = Fleet::start(
        store.clone(),
        fleet_settings(&config.moonraker),
        clock,
        &tasks,
        alive.clone(),
    );
    let live = Live::start(&fleet, clock, &tasks, alive.clone());
    let details_fail = enrich::start(
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
    let upkeep = upkeep::start(store.clone(), settings.subscribe(), clock, &tasks, alive.clone());
    ready.send_replace(Start::Done(Box::new(Core {
        store: store.clone(),
        usage: Usage::start(store.clone(), clock, &tasks, alive.clone()),
        fleet,
        details_fail,
        upkeep,
        live,
        computing: Arc::new(Semaphore::new(cores)),
        cookie: api::cookie_of(store.instance().await?.as_deref()),
        exporting: Arc::new(Semaphore::new(api::EXPORTS_AT_ONCE)),
    })));
    tasks.spawn(read_aggregates(store.clone(), alive.clone()));

    alive.cancelled().await;
    let ended = end(&stop, &tasks).await;
    turn.end().await;
    if let Err(cause) = store.close().await {
        warn!("cannot close the database: {:#}", anyhow::Error::new(cause));
    }
    ended
}

/// Reads what the first question about many jobs would have to wait for.
async fn read_aggregates(store: Store, alive: CancellationToken) {
    if let Some(Err(cause)) = alive.run_until_cancelled(store.read_aggregates()).await {
        warn!("cannot read the aggregates: {:#}", anyhow::Error::new(cause));
    }
}

/// Answers requests until `alive` ends. If it ever crashes, it ends `alive`.
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

/// Opens the database; a server that is not there yet is waited for. `None` if `alive` ended before it was.
async fn open_database(
    config: &Config,
    clock: Clock,
    alive: &CancellationToken,
) -> anyhow::Result<Option<Store>> {
    let location = &config.database;
    let mut pause = DATABASE_RETRY.0;
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
                        "the tables were those of {version}; before the upgrade they were backed up into {path}"
                    );
                }
                info!("opened the database {location}");
                if let Some(trouble) = store.secret_trouble() {
                    warn!("keys of printers can be neither stored nor read: {trouble}");
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
                        "the database is damaged; `printlog restore FILE` puts a backup in its place, they are in {}",
                        config.backup.folder.display()
                    )),
                });
            }
        };
        warn!(
            "waiting for the database, next attempt in {pause:?}: {:#}",
            anyhow::Error::new(cause)
        );
        if alive
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return Ok(None);
        }
        pause = (pause * 2).min(DATABASE_RETRY.1);
    }
}

/// At the first start nobody has a key: makes one and shows it, on the terminal and never in the log.
async fn introduce(store: &Store, clock: Clock, address: SocketAddr) -> anyhow::Result<()> {
    let now = clock.now();
    if store.admin_key_count(now).await? > 0 {
        return Ok(());
    }
    let key = store
        .create_key("first start", KeyScope::Admin, None, now)
        .await?;
    info!(
        "made the first API key {}…; it was shown on the terminal",
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
  printlog runs. This is its first start, and this its admin API key:

      {key}

  It is shown this once; keep it. `{program} keys create NAME` makes more.

  Next, add a printer:

      the page     {url}/ says how
      the command  {program} printers add Voron http://voron.local:7125
      curl         curl -X POST {url}/api/printers -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"name\": \"Voron\", \"moonraker_url\": \"http://voron.local:7125\"}}'
"
    )
    .and_then(|()| out.flush())
    .context("cannot show the first API key")
}

/// Waits for the last work. A failure if it was not `stop` that ended the server.
async fn end(stop: &CancellationToken, tasks: &TaskTracker) -> anyhow::Result<()> {
    let crashed = !stop.is_cancelled();
    tasks.close();
    if tokio::time::timeout(LAST_WORK, tasks.wait()).await.is_err() {
        warn!("some tasks did not end in time; ending without them");
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
