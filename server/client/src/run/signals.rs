//! Signals that the client receives, for its program.

use std::{fs, io, sync::Arc, thread};

use rustix::process::Signal;
use signal_hook::{
    consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH},
    iterator::Signals,
};

use super::program::Program;

/// The forwarded signals.
const FORWARDED: [i32; 9] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT];

/// Catches the signals from now on. What is ignored stays so, for the program as well, as under `nohup`.
pub(crate) fn catch() -> io::Result<Signals> {
    let ignored = ignored();
    Signals::new(FORWARDED.into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0))
}

/// Forwards what was caught and what will be.
pub(crate) fn forward(mut signals: Signals, program: Arc<Program>) -> io::Result<()> {
    let forward = move || {
        for signal in signals.forever() {
            if let Some(signal) = Signal::from_named_raw(signal) {
                program.forward(signal);
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(forward).map(drop)
}

/// Returns the set of ignored signals, a bit for each.
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
