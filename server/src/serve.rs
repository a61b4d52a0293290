//! `milepost serve`: from the settings to a running server, and back to nothing.

use std::{io::IsTerminal, net::SocketAddr, process, sync::Arc, time::Duration};

use any_spawner::Executor;
use engine::Engine;
use tokio::{
    net::TcpListener,
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::{
    AppState, Error, Result, assets,
    config::Config,
    events::{Events, Pace},
    hub::Hub,
    listen::{self, Limits},
    lock::Lock,
    registry, router, sessions,
    tasks::TaskSettings,
};

/// How long answers under way may take to end once the server is to stop.
const DRAIN: Duration = Duration::from_secs(3);
/// After the graces are over: for the last commits, then the process ends whatever still hangs.
const LAST_COMMITS: Duration = Duration::from_secs(3);

/// What is open beside the connections: the store's readers, files that tasks read, downloads.
const OTHER_FILES: u64 = 512;

/// Serves until SIGTERM or SIGINT.
pub fn run(config: Config) -> Result<()> {
    log_to_stderr(&config.log)?;
    // Tasks have a runtime of their own: one that blocks its threads delays no page and no stream.
    let service = runtime("service")?;
    let tasks = runtime("tasks")?;
    let outcome = service.block_on(serve(config, tasks.handle().clone()));
    // A blocking task that does not stop must not hold the process: its attempt is settled at the next start.
    tasks.shutdown_background();
    service.shutdown_background();
    outcome
}

fn runtime(name: &'static str) -> Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .thread_name(format!("milepost-{name}"))
        .enable_all()
        .build()
        .map_err(|source| Error::Io { what: format!("starting the {name} threads"), source })
}

fn log_to_stderr(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Error::Log { filter: filter.to_owned(), message: error.to_string() })?;
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    Ok(())
}

async fn serve(config: Config, tasks: runtime::Handle) -> Result<()> {
    // What pages spawn while they render. A second server in the same process shares it.
    let _ = Executor::init_tokio();
    let mut signals = Signals::new()?;
    let lock = Lock::serve(&config.data_dir)?;
    // Bound before the engine opens, so that a taken port harms no job; accepted from once everything stands.
    let listener =
        TcpListener::bind(config.addr).await.map_err(|source| Error::Listen { addr: config.addr, source })?;
    let addr = listener.local_addr().map_err(|source| Error::Listen { addr: config.addr, source })?;

    let config = Arc::new(config);
    let stop = CancellationToken::new();
    let hub = Hub::new();
    let engine = open(&config, Arc::clone(&hub), tasks).await?;
    let source = Arc::new(engine.clone());
    let events = Events::open(hub, source, assets::build().into(), Pace::default(), stop.clone()).await?;
    let state = AppState::new(Arc::clone(&config), engine.clone(), events, stop.clone());
    tokio::spawn(sessions::sweep(Arc::clone(engine.store()), stop.clone()));
    let limits = Limits { total: places(config.connections), per_address: config.connections_per_address };
    let answering = tokio::spawn(listen::serve(listener, router::router(state), limits, stop.clone(), DRAIN));
    announce(&config, addr);

    signals.next().await;
    tracing::info!("stopping; a second signal ends at once");
    stop.cancel();
    let end = async {
        let (answered, ()) = tokio::join!(answering, engine.shutdown(config.shutdown_grace));
        if let Err(error) = answered {
            tracing::error!(%error, "the accept loop ended badly");
        }
    };
    tokio::select! {
        () = end => tracing::info!("stopped"),
        () = tokio::time::sleep(config.shutdown_grace + DRAIN + LAST_COMMITS) => {
            tracing::warn!("something does not end; leaving it to the next start to settle");
        }
        () = signals.next() => process::exit(130),
    }
    drop(lock);
    Ok(())
}

async fn open(config: &Config, hub: Arc<Hub>, tasks: runtime::Handle) -> Result<Engine> {
    let builder = Engine::builder(&config.data_dir)
        .roots(config.roots.clone())
        .concurrency(config.concurrency)
        .cancel_grace(config.cancel_grace)
        .upload_limit(config.upload_limit)
        .listener(hub)
        .tasks_on(tasks);
    let settings = TaskSettings { allow_private_links: config.allow_private_links };
    let migrating = Lock::migrate(&config.data_dir)?;
    let engine = registry::register(builder, &settings).open().await?;
    drop(migrating);
    Ok(engine)
}

/// A connection is an open file to the system, and shells allow few (1,024 mostly) where the system allows many.
fn places(wanted: u32) -> u32 {
    let allowed = rlimit::increase_nofile_limit(u64::from(wanted) + OTHER_FILES).unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot ask how many files may be open");
        u64::MAX
    });
    let places = u64::from(wanted).min(allowed.saturating_sub(OTHER_FILES)).max(1) as u32;
    if places < wanted {
        tracing::warn!("the system allows {allowed} open files: taking {places} connections instead of {wanted}");
    }
    places
}

/// The one line on stdout, for whoever started this and waits; and a word on who may come in.
fn announce(config: &Config, addr: SocketAddr) {
    tracing::info!(
        data = %config.data_dir.display(),
        build = assets::build(),
        "no accounts{}: everyone who can reach {addr} may do everything",
        if config.no_auth { " (--no-auth)" } else { " in this version" },
    );
    #[expect(clippy::print_stdout, reason = "the contract with scripts")]
    {
        println!("listening on http://{addr}");
    }
}

/// The wish to stop.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|source| Error::Io { what: "listening for signals".into(), source });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
