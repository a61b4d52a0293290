//! `milepost serve`: from the settings to a running server, and back to nothing.

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
    config::{Config, streams_among},
    http::{assets, router, state},
    limits::{ConnectionLimits, StreamLimits},
    listen,
    middleware::sessions,
    run::{
        console,
        lock::Lock,
        process::{self, RegisterTasks, Signals},
        users,
    },
    stream::{Hub, StreamService, StreamTiming},
};

/// How long answers under way may take to end once the server is to stop.
const DRAIN: Duration = Duration::from_secs(3);

/// How long a server that has to migrate waits for workers to go, which may have just been told to, and how often it
/// looks.
const WORKERS_GO: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(100);

/// What is open beside the connections: the store's readers, files that tasks read, downloads. Half of what the system
/// allows, but at least [`OWN_FILES`] and at most this.
const OTHER_FILES: u64 = 512;
/// What a server has open that does nothing, with all readers of the store (37), and some for searches and jobs.
const OWN_FILES: u64 = 46;
/// With less, pages and streams do not come together.
const LEAST_FILES: u64 = 64;

/// Serves until SIGTERM or SIGINT; the process ends soon after that, even where this does not return.
pub fn run(config: Config, tasks: RegisterTasks) -> Result<()> {
    let log = config.work.log.clone();
    process::run(&log, |on| serve(config, tasks, on))
}

async fn serve(config: Config, tasks: RegisterTasks, on: runtime::Handle) -> Result<()> {
    // What pages spawn while they render. A second server in the same process shares it.
    let _ = Executor::init_tokio();
    app::base_path::set(config.base_path.clone());
    let mut signals = Signals::new()?;
    let connections = places(config.connections)?;
    let lock = Lock::serve(&config.work.data_dir)?;
    // Bound before the engine opens, so that a taken port harms no job; accepted from once everything stands.
    let listener = listen(config.addr).map_err(|source| Error::Listen { addr: config.addr, source })?;
    let addr = listener.local_addr().map_err(|source| Error::Listen { addr: config.addr, source })?;

    let config = Arc::new(config);
    let stop = CancellationToken::new();
    let hub = Hub::new();
    let engine = open(&config, Arc::clone(&hub), tasks, on).await?;
    let source = Arc::new(engine.clone());
    let total = if connections < config.connections { streams_among(connections) } else { config.streams.total };
    let limits = StreamLimits { total: total.min(config.streams.total), ..config.streams };
    let timing = StreamTiming::default();
    let streams = StreamService::open(hub, source, assets::build().into(), timing, limits, stop.clone()).await?;
    let auth = if config.no_auth {
        None
    } else {
        Some(AuthService::open(Arc::clone(engine.store()), state::known_rules(&engine).await?).await?)
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
    let accepting = listen::serve(listener, router::router(state), limits, stop.clone(), DRAIN);
    let answering = tokio::spawn(engine.health().supervise("accept loop", accepting));
    let invitation = match &auth {
        Some(auth) => users::invitation(auth, &config, addr).await,
        None => None,
    };
    announce(&config, addr, invitation);

    let why = signals.next_or_failure(engine.health()).await;
    engine.health().expect_ends();
    stop.cancel();
    let grace = why.grace(config.work.shutdown_grace);
    let end = async {
        let (answered, ()) = tokio::join!(answering, engine.shutdown(grace));
        if let Err(error) = answered {
            tracing::error!(%error, "the accept loop ended badly");
        }
        // The last answers may have written.
        engine.consolidate().await;
    };
    let outcome = signals.see_to(why, end, grace).await;
    drop(lock);
    outcome
}

/// Opens the engine. The database is brought up to this version, unless workers are at work: they, and so the database,
/// are of this version then, or the server must wait until they have gone.
async fn open(config: &Config, hub: Arc<Hub>, tasks: RegisterTasks, on: runtime::Handle) -> Result<Engine> {
    let begun = Instant::now();
    loop {
        let alone = Lock::migrate(&config.work.data_dir)?;
        let builder = process::builder(&config.work, tasks, on.clone())?;
        let builder = builder.upload_limit(config.upload_limit).listener(Arc::clone(&hub) as Arc<dyn Listener>);
        let builder = match config.upload_quota {
            Some(quota) => builder.upload_quota(quota),
            None => builder,
        };
        let builder = if config.sweep_orphans { builder.sweep_orphans() } else { builder };
        let builder = if config.no_auth { builder } else { builder.with_accounts() };
        match (&alone, begun.elapsed() < WORKERS_GO) {
            (Some(_), _) => return Ok(builder.open().await?),
            (None, true) => match builder.without_migrating().open().await {
                Err(engine::Error::NotReady(_)) => tokio::time::sleep(LOOK).await,
                opened => return Ok(opened?),
            },
            (None, false) => return Err(Error::OldWorkers(config.work.data_dir.clone())),
        }
    }
}

/// A connection is an open file to the system, and shells allow few (1,024 mostly) where the system allows many.
fn places(wanted: u32) -> Result<u32> {
    let allowed = rlimit::increase_nofile_limit(u64::from(wanted) + OTHER_FILES).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot ask how many files may be open");
        u64::MAX
    });
    if allowed < LEAST_FILES {
        return Err(Error::TooFewFiles { allowed, needed: LEAST_FILES });
    }
    let others = (allowed / 2).clamp(OWN_FILES, OTHER_FILES);
    let places = u64::from(wanted).min(allowed - others) as u32;
    if places < wanted {
        tracing::warn!(
            "the system allows {allowed} open files: taking {places} connections instead of {wanted}; raise that limit \
             (ulimit -n, LimitNOFILE=) for more"
        );
    }
    Ok(places)
}

/// What stdout says to whoever started this and waits, with the link for the first administrator if there is to be one;
/// and before, a word in the log on who may come in.
fn announce(config: &Config, addr: SocketAddr, invitation: Option<String>) {
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
    if let Some(line) = invitation {
        console::stdout().line(&line);
    }
}

/// Connections that wait to be taken; the system may allow fewer. After a restart thousands of streams come at once, and
/// whoever finds no room tries again only after a second.
const WAITING: u32 = 16_384;

/// Takes an address. To be called on a runtime.
fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(WAITING)
}
