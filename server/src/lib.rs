//! Milepost's one program: it answers browsers, runs the built-in tasks and keeps their history.

mod api;
pub mod assets;
mod audit;
mod away;
pub mod cli;
pub mod client;
pub mod config;
mod console;
mod credential;
mod doorstep;
pub mod downloads;
mod error;
mod forms;
mod health;
pub mod limits;
pub mod listen;
mod lock;
mod new_job;
mod pages;
pub mod people;
mod process;
pub mod router;
mod schedules;
mod security;
pub mod serve;
mod sessions;
mod stalling;
mod state;
pub mod stream;
mod trace;
mod unread;
mod uploads;
mod visit;
pub mod worker;

use std::{process::ExitCode, time::Duration};

pub use error::{Error, Result};
pub use state::AppState;

/// What `--version` says, and what the pages' asset folder is stamped with: see [`assets::build`].
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long the end of the process waits for what it has still to write.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Ends the log, with the error in its last line if there is one. Returns the process's exit code.
pub fn exit_code(outcome: Result<()>) -> ExitCode {
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console::stderr().line(&format!("milepost: {error}"));
            ExitCode::from(error.exit_code())
        }
    };
    console::flush(LAST_LINES);
    code
}
