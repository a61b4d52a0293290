//! Messages of the client to the user, on standard error. In cron there are none: a line there is a mail.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    sync::atomic::{AtomicBool, Ordering},
};

static VERBOSE: AtomicBool = AtomicBool::new(false);
static SILENT: AtomicBool = AtomicBool::new(false);

/// Prints messages without a terminal too (`-v`).
pub(crate) fn set_verbose() {
    VERBOSE.store(true, Ordering::Relaxed);
}

/// Prints no messages at all (`--silent`).
pub(crate) fn set_silent() {
    SILENT.store(true, Ordering::Relaxed);
}

/// Prints a message of a running program's client: in a terminal, or with `-v`.
pub(crate) fn print(text: &str) {
    if !SILENT.load(Ordering::Relaxed) && (VERBOSE.load(Ordering::Relaxed) || stderr().is_terminal()) {
        always(text);
    }
}

/// Prints a message in any case: errors before a program is started, and those of commands that start none.
pub(crate) fn always(text: &str) {
    let _ = writeln!(stderr(), "milepost: {text}");
}
