//! `milepost serve`: start and end of the server.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use accounts::AuthService;
use any_spawner::Executor;
use engine::{Engine, Listener};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime,
};
use tokio_util::sync::CancellationToken;

use crate::{
    AppState, Error, Result,
    config::{Config, default_streams},
    http::{assets, listen, router, state},
    limits::{ConnectionLimits, StreamLimits},
    middleware::sessions,
    run::{
        console,
        lock::Lock,
        process::{self, RegisterTasks},
        shutdown::Signals,
        users,
    },
    stream::{Hub, StreamService, StreamTiming},
};

/// Time for open responses to end in a graceful shutdown.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a server that must migrate waits for workers to exit, and how often it checks.
const WORKER_EXIT_TIMEOUT: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Open files besides connections: readers of the store, files of tasks, downloads. Half of the limit of the system,
/// but at least [`MIN_RESERVED_FILES`] and at most this.
const MAX_RESERVED_FILES: u64 = 512;
/// Open files of an idle server, with all readers of the store (37), and some for searches and jobs.
const MIN_RESERVED_FILES: u64 = 46;
/// With fewer, pages and streams do not work at the same time.
const MIN_OPEN_FILES: u64 = 64;

/// Serves until SIGTERM or SIGINT. The process ends soon after that, even if this does not return.
pub fn run(config: Config, tasks: RegisterTasks) -> Result<()> {
    let log = config.work.log.clone();
    process::run(&log, |task_runtime| serve(config, tasks, task_runtime))
}

async fn serve(config: Config, tasks: RegisterTasks, task_runtime: runtime::Handle) -> Result<()> {
    // For what pages spawn while they render; shared by all servers of the process.
    let _ = Executor::init_tokio();
    app::base_path::set(config.base_path.clone());
    let mut signals = Signals::new()?;
    let connections = connection_limit(config.connections)?;
    let mut lock = Lock::serve(&config.work.data_dir)?;
    // Bound before the engine opens, so that a port in use harms no job; connections are accepted later.
    let listener = listen(config.addr).map_err(|source| Error::Listen { addr: config.addr, source })?;
    let addr = listener.local_addr().map_err(|source| Error::Listen { addr: config.addr, source })?;

    if let Err(error) = lock.write_holder(&config.link("", addr)) {
        tracing::warn!(%error, "cannot write the address of the server; `milepost user` prints links to its own --addr");
    }

    let config = Arc::new(config);
    let stop = CancellationToken::new();
    let hub = Hub::new();
    let engine = open_engine(&config, Arc::clone(&hub), tasks, task_runtime).await?;
    let source = Arc::new(engine.clone());
    let total = if connections < config.connections { default_streams(connections) } else { config.streams.total };
    let limits = StreamLimits { total: total.min(config.streams.total), ..config.streams };
    let timing = StreamTiming::default();
    let streams = StreamService::open(hub, source, assets::build().into(), timing, limits, stop.clone()).await?;
    let auth = if config.no_auth {
        None
    } else {
        Some(AuthService::open(Arc::clone(engine.store()), state::all_rules(&engine).await?).await?)
    };
    if let Some(auth) = &auth {
        let (auth, stop) = (auth.clone(), stop.clone());
        let watch = async move { auth.watch(stop).await };
        tokio::spawn(engine.health().supervise("account watcher", watch));
    }
    let state = AppState::new(Arc::clone(&config), engine.clone(), auth.clone(), streams, stop.clone());
    let sweep = sessions::sweep(state.sessions.clone(), stop.clone());
    tokio::spawn(engine.health().supervise("session sweeper", sweep));
    let limits = ConnectionLimits {
        total: connections,
        per_address: config.connections_per_address,
        proxies: config.trusted_proxies.clone(),
    };
    let accept = listen::serve(listener, router::router(state), limits, stop.clone(), DRAIN_TIMEOUT);
    let accept_loop = tokio::spawn(engine.health().supervise("accept loop", accept));
    let setup_line = match &auth {
        Some(auth) => users::create_setup_link(auth, &config, addr).await,
        None => None,
    };
    announce(&config, addr, setup_line);

    let reason = signals.wait_or_failure(engine.health()).await;
    engine.health().expect_ends();
    stop.cancel();
    let grace = reason.grace(config.work.shutdown_grace);
    let end = async {
        let (accepted, ()) = tokio::join!(accept_loop, engine.shutdown(grace));
        if let Err(error) = accepted {
            tracing::error!(%error, "the accept loop ended badly");
        }
        // The last requests may have written.
        engine.consolidate().await;
    };
    let outcome = signals.shut_down(reason, end, grace).await;
    drop(lock);
    outcome
}

/// Opens the engine and migrates the database. While workers run, it is opened without a migration: if it needs one,
/// the server waits until they have exited.
async fn open_engine(
    config: &Config,
    hub: Arc<Hub>,
    tasks: RegisterTasks,
    task_runtime: runtime::Handle,
) -> Result<Engine> {
    let started = Instant::now();
    loop {
        let migration_lock = Lock::migrate(&config.work.data_dir)?;
        let builder = process::builder(&config.work, tasks, task_runtime.clone())?;
        let builder = builder.upload_limit(config.upload_limit).listener(Arc::clone(&hub) as Arc<dyn Listener>);
        let builder = match config.upload_quota {
            Some(quota) => builder.upload_quota(quota),
            None => builder,
        };
        let builder = if config.sweep_orphans { builder.sweep_orphans() } else { builder };
        let builder = if config.no_auth { builder } else { builder.with_accounts() };
        match (&migration_lock, started.elapsed() < WORKER_EXIT_TIMEOUT) {
            (Some(_), _) => return Ok(builder.open().await?),
            (None, true) => match builder.without_migrating().open().await {
                Err(engine::Error::NotReady(_)) => tokio::time::sleep(POLL_INTERVAL).await,
                opened => return Ok(opened?),
            },
            (None, false) => return Err(Error::OldWorkers(config.work.data_dir.clone())),
        }
    }
}

/// The number of connections that the open-file limit allows. Raises the limit first: shells mostly set it to 1,024.
fn connection_limit(wanted: u32) -> Result<u32> {
    let allowed = rlimit::increase_nofile_limit(u64::from(wanted) + MAX_RESERVED_FILES).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot ask how many files may be open");
        u64::MAX
    });
    if allowed < MIN_OPEN_FILES {
        return Err(Error::TooFewFiles { allowed, needed: MIN_OPEN_FILES });
    }
    let reserved = (allowed / 2).clamp(MIN_RESERVED_FILES, MAX_RESERVED_FILES);
    let connection_limit = u64::from(wanted).min(allowed - reserved) as u32;
    if connection_limit < wanted {
        tracing::warn!(
            "the system allows {allowed} open files: taking {connection_limit} connections instead of {wanted}; raise that limit \
             (ulimit -n, LimitNOFILE=) for more"
        );
    }
    Ok(connection_limit)
}

/// Logs how to sign in, and prints the address and the setup link to stdout.
fn announce(config: &Config, addr: SocketAddr, setup_line: Option<String>) {
    let data = config.work.data_dir.display();
    if config.no_auth {
        tracing::info!(
            %data,
            build = assets::build(),
            "no accounts (--no-auth): everyone who can reach {addr} may do everything"
        );
    } else {
        tracing::info!(%data, build = assets::build(), "sign in at {}", config.link("/sign-in", addr));
    }
    console::stdout().line(&format!("listening on http://{addr}"));
    if let Some(line) = setup_line {
        console::stdout().line(&line);
    }
}

/// Connections that wait to be accepted; the system may allow fewer. After a restart thousands of streams reconnect at
/// a time, and a client that is dropped tries again only after a second.
const BACKLOG: u32 = 16_384;

/// Binds an address. Call it on a runtime.
fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
