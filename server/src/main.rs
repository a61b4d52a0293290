//! The program `milepost`.

use std::process::ExitCode;

use clap::Parser;
use server::cli::{Cli, Command};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command() {
        Command::Serve(serve) => serve.config().and_then(server::serve::run),
        Command::Worker(worker) => worker.config().and_then(server::worker::run),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "before and after the log, a person reads this")]
            {
                eprintln!("milepost: {error}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
