//! `milepost worker`: a process that runs jobs beside a server, on the same data directory.

use std::time::{Duration, Instant};

use engine::Engine;
use tokio::runtime;

use crate::{
    Error, Result,
    config::WorkConfig,
    run::{
        console,
        lock::Lock,
        process::{self, RegisterTasks},
        shutdown::Signals,
    },
};

/// How long a worker waits for its server to create or migrate the database, and how often it checks.
const SERVER_START_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Runs jobs until SIGTERM or SIGINT. The process ends soon after that, even if this does not return.
pub fn run(config: WorkConfig, tasks: RegisterTasks) -> Result<()> {
    process::run(&config.log, |task_runtime| work(&config, tasks, task_runtime))
}

async fn work(config: &WorkConfig, tasks: RegisterTasks, task_runtime: runtime::Handle) -> Result<()> {
    let mut signals = Signals::new()?;
    // Held to the end: no server may migrate the database while a worker uses it.
    let (engine, _lock) = tokio::select! {
        opened = open_engine(config, tasks, &task_runtime) => opened?,
        () = signals.wait() => return Ok(()),
    };
    announce(config);

    let reason = signals.wait_or_failure(engine.health()).await;
    let grace = reason.grace(config.shutdown_grace);
    signals.shut_down(reason, engine.shutdown(grace), grace).await
}

/// Opens the engine as soon as there is a database.
async fn open_engine(
    config: &WorkConfig,
    tasks: RegisterTasks,
    task_runtime: &runtime::Handle,
) -> Result<(Engine, Lock)> {
    let started = Instant::now();
    loop {
        let opened = match Lock::work(&config.data_dir) {
            Ok(lock) => {
                let engine = process::builder(config, tasks, task_runtime.clone())?.joining().open().await;
                engine.map(|engine| (engine, lock)).map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        match opened {
            Err(Error::Engine(engine::Error::NotReady(why))) if started.elapsed() < SERVER_START_TIMEOUT => {
                tracing::debug!("{why}");
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            opened => return opened,
        }
    }
}

/// Prints the one line on stdout.
fn announce(config: &WorkConfig) {
    console::stdout().line(&format!("working on {}", config.data_dir.display()));
}
