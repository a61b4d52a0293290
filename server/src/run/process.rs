//! The process of `serve` and `worker`: runtimes, log, panics, and the builder of the engine.

use std::{
    io::IsTerminal,
    panic::{self, AssertUnwindSafe},
    thread,
};

use engine::{Builder, Engine};
use rustix::{fs::Mode, process::umask};
use tasks::TaskSettings;
use tokio::runtime::{self, Runtime};
use tracing_subscriber::EnvFilter;

use crate::{Error, Result, config::WorkConfig, run::console};

/// Heartbeats in a lease: one may be late and one lost.
const HEARTBEATS_PER_LEASE: u32 = 3;

/// Adds the tasks of a program to the engine: [`tasks::register`], in tests with tasks of their own.
pub(crate) type RegisterTasks = fn(Builder, &TaskSettings) -> Builder;

/// Runs `work` with the runtime for tasks, which is separate: a task that blocks its threads delays no page, stream or
/// heartbeat.
pub(crate) fn run<W: Future<Output = Result<()>>>(log: &str, work: impl FnOnce(runtime::Handle) -> W) -> Result<()> {
    // Files of jobs and accounts are private to this user, whatever the mode of the folder.
    umask(Mode::RWXG | Mode::RWXO);
    init_log(log)?;
    log_panics();
    let service = runtime("service")?;
    let tasks = runtime("tasks")?;
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| service.block_on(work(tasks.handle().clone()))));
    // A blocking task that does not stop must not hold the process; another process ends its attempt.
    tasks.shutdown_background();
    service.shutdown_background();
    outcome.unwrap_or(Err(Error::Panicked))
}

fn runtime(name: &'static str) -> Result<Runtime> {
    let start = || runtime::Builder::new_multi_thread().thread_name(format!("milepost-{name}")).enable_all().build();
    // It panics if the system allows no more threads (RLIMIT_AS, RLIMIT_NPROC).
    match panic::catch_unwind(start) {
        Ok(runtime) => runtime.map_err(|source| Error::Io { what: format!("starting the {name} threads"), source }),
        Err(_) => Err(Error::NoThreads(name)),
    }
}

fn init_log(filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Error::Log { filter: filter.to_owned(), message: error.to_string() })?;
    let ansi = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(console::stderr())
        .with_ansi(ansi)
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Logs panics: the standard hook writes to stderr itself and blocks if it is not read.
fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let thread = thread::current();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), "{panicked}");
    }));
}

/// The builder of the configured engine, with the tasks of the program and the configured commands, which run on
/// `runtime`.
pub(crate) fn builder(config: &WorkConfig, tasks: RegisterTasks, runtime: runtime::Handle) -> Result<Builder> {
    let builder = Engine::builder(&config.data_dir)
        .roots(config.roots.clone())
        .concurrency(config.concurrency)
        .cancel_grace(config.cancel_grace)
        .write_limit(config.job_write_limit)
        .lease(config.lease / HEARTBEATS_PER_LEASE, config.lease)
        .tasks_on(runtime);
    let settings = TaskSettings { allow_private_links: config.allow_private_links, ..TaskSettings::default() };
    let builder = tasks(builder, &settings);
    Ok(commands::register(builder, &config.commands)?)
}
