//! `milepost worker`: runs jobs beside a server, on the same data directory.

use std::time::{Duration, Instant};

use engine::Engine;
use tokio::runtime;

use crate::{
    Error, Result,
    config::WorkConfig,
    run::{
        console,
        lock::Lock,
        process::{self, RegisterTasks, Signals},
    },
};

/// How long a worker that is started together with its server waits for it to make or migrate the database, and how
/// often it looks.
const SERVER_COMES: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

/// Works until SIGTERM or SIGINT; the process ends soon after that, even where this does not return.
pub fn run(config: WorkConfig, tasks: RegisterTasks) -> Result<()> {
    process::run(&config.log, |on| work(&config, tasks, on))
}

async fn work(config: &WorkConfig, tasks: RegisterTasks, on: runtime::Handle) -> Result<()> {
    let mut signals = Signals::new()?;
    // Held to the end: as long as somebody works on the database, no server may change its schema.
    let (engine, _lock) = tokio::select! {
        joined = join(config, tasks, &on) => joined?,
        () = signals.next() => return Ok(()),
    };
    announce(config);

    let stop = signals.next_or_failure(engine.health()).await;
    let grace = stop.grace(config.shutdown_grace);
    signals.see_to(stop, engine.shutdown(grace), grace).await
}

/// Opens the engine, as soon as there is a database to open.
async fn join(config: &WorkConfig, tasks: RegisterTasks, on: &runtime::Handle) -> Result<(Engine, Lock)> {
    let begun = Instant::now();
    loop {
        let joined = match Lock::work(&config.data_dir) {
            Ok(lock) => {
                let opened = process::builder(config, tasks, on.clone())?.joining().open().await;
                opened.map(|engine| (engine, lock)).map_err(Error::from)
            }
            Err(error) => Err(error),
        };
        match joined {
            Err(Error::Engine(engine::Error::NotReady(why))) if begun.elapsed() < SERVER_COMES => {
                tracing::debug!("{why}");
                tokio::time::sleep(LOOK).await;
            }
            joined => return joined,
        }
    }
}

/// The one line on stdout, for whoever started this and waits.
fn announce(config: &WorkConfig) {
    console::stdout().line(&format!("working on {}", config.data_dir.display()));
}
