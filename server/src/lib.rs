//! Milepost's one program: it serves the pages, runs the built-in tasks and keeps their history.
#![allow(missing_docs, reason = "not a library for others: public for the program and its tests")]

pub mod cli;
pub mod config;
mod credential;
mod error;
mod handlers;
pub mod http;
mod identity;
pub mod limits;
pub mod middleware;
mod release;
pub mod run;
mod setup_link_file;
pub mod stream;

use std::{process::ExitCode, time::Duration};

pub use error::{Error, Result};
pub use http::state::AppState;

/// The version in `--version`; the asset folder of the pages is named by the build instead, see
/// [`http::assets::build`].
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// How long the end of the process waits for its last output to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Ends the log, with the error in its last line if there is one. Returns the exit code of the process.
pub fn exit_code(outcome: Result<()>) -> ExitCode {
    let code = match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run::console::stderr().line(&format!("milepost: {error}"));
            ExitCode::from(error.exit_code())
        }
    };
    run::console::flush(FLUSH_TIMEOUT);
    code
}
