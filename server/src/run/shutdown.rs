//! Graceful shutdown: the signals that ask for it, the time that running jobs get, and the deadline of the process.

use std::{process, thread, time::Duration};

use engine::{Failure, Health};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{Error, Result, run::console};

/// Time after the grace for tasks to stop, responses to end and the last commits.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(5_500);
/// Time after the grace until the process exits in any case.
const EXIT_DEADLINE: Duration = Duration::from_secs(6);
/// Time for the last log lines when a second signal ends the process.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(200);
/// The signals of this process. SIGTERM, SIGINT, SIGQUIT and SIGHUP start a graceful shutdown. SIGUSR1, SIGUSR2 and
/// SIGXFSZ are ignored; a write beyond `RLIMIT_FSIZE` then fails with an error.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
    /// `None` if the process was started with SIGHUP ignored (`nohup`).
    hang_up: Option<Signal>,
    _ignored: Vec<Signal>,
}

/// Why a process stops.
pub(crate) enum StopReason {
    Signal,
    /// A part of the process has ended.
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
    pub(crate) async fn wait(&mut self) {
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

    /// Waits for a signal to stop or for the end of an essential part.
    pub(crate) async fn wait_or_failure(&mut self, health: &Health) -> StopReason {
        tokio::select! {
            biased;
            failure = health.failed() => StopReason::Failed(failure),
            () = self.wait() => StopReason::Signal,
        }
    }

    /// Graceful shutdown: waits for `end`, which takes `grace` and a little longer. From now on the process has a
    /// deadline. A second signal ends it at once, without the release of its jobs.
    pub(crate) async fn shut_down(
        &mut self,
        stop: StopReason,
        end: impl Future<Output = ()>,
        grace: Duration,
    ) -> Result<()> {
        let outcome = match stop {
            StopReason::Signal => Ok(()),
            StopReason::Failed(failure) => Err(Error::PartEnded(failure)),
        };
        let code = outcome.as_ref().map_or_else(Error::exit_code, |()| 0);
        // Before the first log line, which may block if the log is no longer read.
        exit_after(grace + EXIT_DEADLINE, code);
        match &outcome {
            Ok(()) => tracing::info!("stopping; a second signal ends at once"),
            Err(error) => tracing::error!("stopping: {error}"),
        }
        tokio::select! {
            () = end => tracing::info!("stopped"),
            () = tokio::time::sleep(grace + SHUTDOWN_TIMEOUT) => {
                tracing::warn!("something does not end; leaving it to be settled by others");
            }
            () = self.wait() => {
                console::flush(FLUSH_TIMEOUT);
                process::exit(130)
            }
        }
        outcome
    }
}

impl StopReason {
    /// The time for running jobs: none if a part of the process has failed.
    pub(crate) const fn grace(&self, configured: Duration) -> Duration {
        match self {
            Self::Signal => configured,
            Self::Failed(_) => Duration::ZERO,
        }
    }
}

/// Whether this process was started with `signal` ignored (Linux only).
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

/// Exits after `deadline`, from a thread of its own: the timers of a runtime stop if a hanging disk holds its threads.
fn exit_after(deadline: Duration, code: u8) {
    let end = move || {
        thread::sleep(deadline);
        process::exit(code.into())
    };
    if let Err(error) = thread::Builder::new().name("deadline".to_owned()).spawn(end) {
        tracing::warn!(%error, "cannot watch over the end of this process");
    }
}
