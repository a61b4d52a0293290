//! The program: its process group, and how it is stopped.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};
use wire::{Cancel, CancelReason};

use super::{exit::signal_name, terminal::Foreground};
use crate::journal::Journal;

/// The grace of a time limit, and of an interrupt.
const GRACE: Duration = Duration::from_secs(10);

/// Why a program is to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The server asked for it.
    Cancelled,
    /// It exceeded its time limit.
    TimedOut(Duration),
    /// A signal was forwarded to it, as from Ctrl-C.
    Interrupted(Signal),
}

/// A running program.
#[derive(Debug)]
pub(crate) struct Program {
    group: Pid,
    signal: Signal,
    grace: Option<Duration>,
    /// Missing without a server.
    journal: Option<Arc<Journal>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Its process id may belong to another process from now on.
    ended: bool,
    cause: Option<StopCause>,
    /// When INT or TERM was forwarded.
    interrupted_at: Option<Instant>,
    /// When it is killed.
    kill_at: Option<Instant>,
}

impl Program {
    /// Takes charge of a process group; `signal` asks it to stop.
    pub(crate) fn new(group: Pid, signal: Signal, grace: Option<Duration>, journal: Option<Arc<Journal>>) -> Self {
        Self { group, signal, grace, journal, state: Mutex::default() }
    }

    /// Waits for the end of the program without reaping it, so that its id stays valid.
    pub(crate) fn wait_for_end(&self, foreground: Option<&Foreground>) {
        let changes = WaitIdOptions::EXITED | WaitIdOptions::STOPPED;
        loop {
            match waitid(WaitId::Pid(self.group), changes | WaitIdOptions::NOWAIT) {
                Ok(Some(status)) if status.stopped() => {
                    let _ = waitid(WaitId::Pid(self.group), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG);
                    if let Some(foreground) = foreground {
                        foreground.stop_with_program();
                    }
                }
                Err(Errno::INTR) | Ok(None) => {}
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }

    /// Forwards a signal that the client received. A second interrupt within the grace kills the program.
    pub(crate) fn forward(&self, signal: Signal) {
        let mut state = self.lock();
        if !matches!(signal, Signal::INT | Signal::TERM) {
            return self.send(&state, signal);
        }
        if state.interrupted_at.is_some_and(|at| at.elapsed() < self.grace.unwrap_or(GRACE)) {
            self.send(&state, Signal::KILL);
            drop(state);
            return self.note("warn", format!("{} again: SIGKILL sent", signal_name(signal.as_raw())));
        }
        self.send(&state, signal);
        state.interrupted_at = Some(Instant::now());
        if state.cause.is_none() {
            state.cause = Some(StopCause::Interrupted(signal));
        }
        drop(state);
        self.note("info", format!("{} forwarded to the program", signal_name(signal.as_raw())));
    }

    /// Obeys a request of the server, once.
    pub(crate) fn cancel(&self, cancel: &Cancel) {
        let reason = match cancel.reason {
            CancelReason::Cancel if cancel.by.is_empty() => "Cancelled".to_owned(),
            CancelReason::Cancel => format!("Cancelled by {}", cancel.by),
            CancelReason::Timeout => "The time limit of the server is exceeded".to_owned(),
            CancelReason::Superseded => "Superseded by a later run".to_owned(),
            CancelReason::GivenUp => format!("Given up by {}", cancel.by),
        };
        let grace = self.grace.or_else(|| Duration::try_from_secs_f64(cancel.grace).ok()).unwrap_or(GRACE);
        self.stop(StopCause::Cancelled, &reason, grace.mul_f64(0.9));
    }

    /// Stops the program because of its time limit.
    pub(crate) fn time_out(&self, limit: Duration) {
        let reason = format!("The time limit of {} s is exceeded", limit.as_secs_f64());
        self.stop(StopCause::TimedOut(limit), &reason, self.grace.unwrap_or(GRACE));
    }

    /// Kills the program if its grace is over. Returns whether a grace runs.
    pub(crate) fn enforce_grace(&self) -> bool {
        let mut state = self.lock();
        let Some(kill_at) = state.kill_at else { return false };
        if Instant::now() < kill_at {
            return true;
        }
        state.kill_at = None;
        if state.ended {
            return false;
        }
        self.send(&state, Signal::KILL);
        drop(state);
        self.note("warn", "Not ended within the grace: SIGKILL sent");
        false
    }

    /// Marks the program as ended, before its process is reaped: no signal is sent from now on.
    pub(crate) fn end(&self) -> Option<StopCause> {
        let mut state = self.lock();
        state.ended = true;
        state.cause.clone()
    }

    fn stop(&self, cause: StopCause, reason: &str, grace: Duration) {
        let mut state = self.lock();
        if state.ended
            || state.kill_at.is_some()
            || matches!(state.cause, Some(StopCause::Cancelled | StopCause::TimedOut(_)))
        {
            return;
        }
        self.send(&state, self.signal);
        // One that is stopped could not react.
        self.send(&state, Signal::CONT);
        state.cause = Some(cause);
        state.kill_at = Some(Instant::now() + grace);
        drop(state);
        self.note("info", format!("{reason}: {} sent", signal_name(self.signal.as_raw())));
    }

    fn note(&self, level: &str, text: impl Into<String>) {
        if let Some(journal) = &self.journal {
            journal.note(level, text);
        }
    }

    fn send(&self, state: &State, signal: Signal) {
        if !state.ended {
            let _ = kill_process_group(self.group, signal);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
