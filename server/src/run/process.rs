//! What `serve` and `worker` have in common: their threads, their log, the engine they open, the way they stop.

use std::{
    io::IsTerminal,
    panic::{self, AssertUnwindSafe},
    process, thread,
    time::Duration,
};

use engine::{Builder, Engine, Failure, Health};
use rustix::{fs::Mode, process::umask};
use tasks::TaskSettings;
use tokio::{
    runtime::{self, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};
use tracing_subscriber::EnvFilter;

use crate::{Error, Result, config::WorkConfig, run::console};

/// Once the grace is over, at most: for tasks to stop or be dropped, and for the last commits. Answers under way end
/// meanwhile.
const LAST_STEPS: Duration = Duration::from_millis(5_500);
/// Once the grace is over, the end of the process, whatever still hangs.
const DEADLINE: Duration = Duration::from_secs(6);
/// For what has still to be written when the process ends in a hurry.
const LAST_LINES: Duration = Duration::from_millis(200);
/// Beats of the heart in a lease: one may be late and one lost.
const BEATS_PER_LEASE: u32 = 3;

/// Adds the tasks of a program to the engine: [`tasks::register`], in tests with tasks of their own.
pub(crate) type RegisterTasks = fn(Builder, &TaskSettings) -> Builder;

/// Runs `work` to its end. It is given the runtime for tasks, which is one of their own: a task that blocks its threads
/// delays no page, no stream and no heartbeat.
pub(crate) fn run<W: Future<Output = Result<()>>>(log: &str, work: impl FnOnce(runtime::Handle) -> W) -> Result<()> {
    // What jobs read and make, and what people sign in with, is nobody else's on this machine, whoever made the folder.
    umask(Mode::RWXG | Mode::RWXO);
    log_to_stderr(log)?;
    log_panics();
    let service = runtime("service")?;
    let tasks = runtime("tasks")?;
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| service.block_on(work(tasks.handle().clone()))));
    // A blocking task that does not stop must not hold the process: its attempt is settled by whoever finds it dead.
    tasks.shutdown_background();
    service.shutdown_background();
    outcome.unwrap_or(Err(Error::Panicked))
}

fn runtime(name: &'static str) -> Result<Runtime> {
    let start = || runtime::Builder::new_multi_thread().thread_name(format!("milepost-{name}")).enable_all().build();
    // Where the system allows no more threads (RLIMIT_AS, RLIMIT_NPROC), it panics.
    match panic::catch_unwind(start) {
        Ok(runtime) => runtime.map_err(|source| Error::Io { what: format!("starting the {name} threads"), source }),
        Err(_) => Err(Error::NoThreads(name)),
    }
}

fn log_to_stderr(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Error::Log { filter: filter.to_owned(), message: error.to_string() })?;
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(console::stderr())
        .with_ansi(colours)
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Puts panics into the log: the standard hook writes to stderr itself, and waits where that is not read.
fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let thread = thread::current();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), "{panicked}");
    }));
}

/// An engine as it is configured, with the program's tasks and the operator's commands, which run on `on`; to be opened.
pub(crate) fn builder(config: &WorkConfig, tasks: RegisterTasks, on: runtime::Handle) -> Result<Builder> {
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

/// The signals of this process. SIGTERM, SIGINT, SIGQUIT and SIGHUP ask it to stop. SIGUSR1, SIGUSR2 and SIGXFSZ do nothing:
/// the first two mean nothing here, and a write beyond `RLIMIT_FSIZE` then fails with an error.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// `None` where the starter wants it ignored (`nohup`).
    hang_up: Option<Signal>,
    _ignored: Vec<Signal>,
}

/// Why a process stops.
pub(crate) enum Stop {
    /// A signal asked for it.
    Asked,
    /// One of its parts has ended.
    Failed(Failure),
}

impl Signals {
    pub(crate) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|source| Error::Io { what: "listening for signals".into(), source });
        let ignored = [libc::SIGUSR1, libc::SIGUSR2, libc::SIGXFSZ].map(SignalKind::from_raw);
        let hangs_up = !is_ignored(libc::SIGHUP);
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            quit: listen(SignalKind::quit())?,
            hang_up: hangs_up.then(|| listen(SignalKind::hangup())).transpose()?,
            _ignored: ignored.into_iter().map(listen).collect::<Result<_>>()?,
        })
    }

    /// Waits for a signal to stop.
    pub(crate) async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.quit.recv() => {}
            _ = hang_up => {}
        }
    }

    /// Waits for a signal to stop, or for the end of a part without which this process cannot work.
    pub(crate) async fn next_or_failure(&mut self, health: &Health) -> Stop {
        tokio::select! {
            biased;
            failure = health.failed() => Stop::Failed(failure),
            () = self.next() => Stop::Asked,
        }
    }

    /// Waits for `end`, which takes `grace` and a little longer. From now on the process has a deadline. Whoever signals
    /// again does not want to wait, nor that jobs are handed back.
    pub(crate) async fn see_to(&mut self, stop: Stop, end: impl Future<Output = ()>, grace: Duration) -> Result<()> {
        let outcome = match stop {
            Stop::Asked => Ok(()),
            Stop::Failed(failure) => Err(Error::PartEnded(failure)),
        };
        let code = outcome.as_ref().map_or_else(Error::exit_code, |()| 0);
        // Before a word is said: nobody may read the log any more.
        end_after(grace + DEADLINE, code);
        match &outcome {
            Ok(()) => tracing::info!("stopping; a second signal ends at once"),
            Err(error) => tracing::error!("stopping: {error}"),
        }
        tokio::select! {
            () = end => tracing::info!("stopped"),
            () = tokio::time::sleep(grace + LAST_STEPS) => {
                tracing::warn!("something does not end; leaving it to be settled by others");
            }
            () = self.next() => {
                console::flush(LAST_LINES);
                process::exit(130)
            }
        }
        outcome
    }
}

impl Stop {
    /// What jobs that run are given to end: nothing where this process no longer works.
    pub(crate) const fn grace(&self, configured: Duration) -> Duration {
        match self {
            Self::Asked => configured,
            Self::Failed(_) => Duration::ZERO,
        }
    }
}

/// Whether this process was started with `signal` ignored. Known on Linux only.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Ends the process after so long, from a thread that depends on nothing: a runtime whose threads are held by a disk that
/// hangs tells no time.
fn end_after(deadline: Duration, code: u8) {
    let end = move || {
        thread::sleep(deadline);
        process::exit(code.into())
    };
    if let Err(error) = thread::Builder::new().name("deadline".to_owned()).spawn(end) {
        tracing::warn!(%error, "cannot watch over the end of this process");
    }
}
