//! The program `milepost`.

use std::process::ExitCode;

use clap::Parser;
use server::{
    cli::{Cli, Command},
    registry, serve, worker,
};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command() {
        Command::Serve(serve) => serve.config().and_then(|config| serve::run(config, registry::register)),
        Command::Worker(worker) => worker.config().and_then(|config| worker::run(config, registry::register)),
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
