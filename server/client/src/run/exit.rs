//! The end of a program: the exit code of the client and the finish entry.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

use wire::{Finish, ReportedState};

use super::program::StopCause;

/// Returns the exit code as a shell does: 128 + n for signal n.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => (128 + signal) as u8,
        (None, None) => 125,
    }
}

/// Returns the last entry of a run.
pub(crate) fn finish(status: ExitStatus, cause: Option<&StopCause>, host: &str) -> Finish {
    let failed = !status.success();
    let (state, message) = match cause {
        Some(StopCause::Interrupted(signal)) => {
            let message = format!("Stopped on {host} ({})", signal_name(signal.as_raw()));
            (Some(ReportedState::Cancelled), Some(message))
        }
        Some(StopCause::Cancelled) if failed => (Some(ReportedState::Cancelled), None),
        Some(StopCause::TimedOut(limit)) if failed => {
            let message = format!("Stopped after its time limit of {} s", limit.as_secs_f64());
            (Some(ReportedState::Failed), Some(message))
        }
        Some(StopCause::Cancelled | StopCause::TimedOut(_)) | None => (None, None),
    };
    let signal = status.signal().map(|signal| signal_name(signal).trim_start_matches("SIG").to_owned());
    Finish { state, exit_code: status.code(), signal, message, ..Finish::default() }
}

/// Returns `SIGTERM`, or the number of a signal without a common name.
pub(crate) fn signal_name(signal: i32) -> String {
    nix::sys::signal::Signal::try_from(signal).map_or_else(|_| signal.to_string(), |signal| signal.as_str().to_owned())
}
