//! What `serve` and `worker` have in common: their threads, their log, the engine they open, the way they stop.

use std::{io::IsTerminal, process, thread, time::Duration};

use engine::{Builder, Engine};
use rustix::{fs::Mode, process::umask};
use tokio::{
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{
    Error, Result,
    config::WorkConfig,
    tasks::{TaskSettings, Tasks},
};

/// Once the grace is over, at most: for tasks to stop or be dropped, and for the last commits. Answers under way end
/// meanwhile.
const LAST_STEPS: Duration = Duration::from_millis(5_500);
/// Once the grace is over, the end of the process, whatever still hangs.
const DEADLINE: Duration = Duration::from_secs(6);
/// Beats of the heart in a lease: one may be late and one lost.
const BEATS_PER_LEASE: u32 = 3;

/// Runs `work` to its end. It is given the runtime for tasks, which is one of their own: a task that blocks its threads
/// delays no page, no stream and no heartbeat.
pub(crate) fn run<W: Future<Output = Result<()>>>(log: &str, work: impl FnOnce(runtime::Handle) -> W) -> Result<()> {
    // What jobs read and make, and what people sign in with, is nobody else's on this machine, whoever made the folder.
    umask(Mode::RWXG | Mode::RWXO);
    log_to_stderr(log)?;
    let service = runtime("service")?;
    let tasks = runtime("tasks")?;
    let outcome = service.block_on(work(tasks.handle().clone()));
    // A blocking task that does not stop must not hold the process: its attempt is settled by whoever finds it dead.
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

/// An engine as it is configured, with the program's tasks and the operator's commands, which run on `on`; to be opened.
pub(crate) fn builder(config: &WorkConfig, tasks: Tasks, on: runtime::Handle) -> Result<Builder> {
    let builder = Engine::builder(&config.data_dir)
        .roots(config.roots.clone())
        .concurrency(config.concurrency)
        .cancel_grace(config.cancel_grace)
        .write_limit(config.job_write_limit)
        .lease(config.lease / BEATS_PER_LEASE, config.lease)
        .tasks_on(on);
    let settings = TaskSettings { allow_private_links: config.allow_private_links, ..TaskSettings::default() };
    let builder = tasks(builder, &settings);
    Ok(commands::register(builder, &config.commands)?)
}

/// The wish to stop.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|source| Error::Io { what: "listening for signals".into(), source });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for `end`, which takes `grace` and a little longer. From now on the process has a deadline. Whoever signals
    /// again does not want to wait, nor that jobs are handed back.
    pub(crate) async fn see_to(&mut self, end: impl Future<Output = ()>, grace: Duration) {
        // Before a word is said: nobody may read the log any more.
        end_after(grace + DEADLINE);
        tracing::info!("stopping; a second signal ends at once");
        tokio::select! {
            () = end => tracing::info!("stopped"),
            () = tokio::time::sleep(grace + LAST_STEPS) => {
                tracing::warn!("something does not end; leaving it to be settled by others");
            }
            () = self.next() => process::exit(130),
        }
    }
}

/// Ends the process after so long, from a thread that depends on nothing: a runtime whose threads are held by a disk that
/// hangs, or by a log that nobody reads, tells no time. As asked for, hence code 0.
fn end_after(deadline: Duration) {
    let end = move || {
        thread::sleep(deadline);
        process::exit(0)
    };
    if let Err(error) = thread::Builder::new().name("deadline".to_owned()).spawn(end) {
        tracing::warn!(%error, "cannot watch over the end of this process");
    }
}
