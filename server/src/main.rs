//! The program `milepost`.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use server::{
    cli::{Cli, Command},
    run::{serve, users, worker},
};

/// Frames are made on one thread, sent on others and freed on any: the system's allocator takes a quarter of the time that
/// thousands of streams cost.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command() {
        Command::Serve(serve) => serve.config().and_then(|config| serve::run(config, tasks::register)),
        Command::Worker(worker) => worker.config().and_then(|config| worker::run(config, tasks::register)),
        Command::SetupLink(beside) => beside.config().and_then(|config| users::setup_link(&config)),
        Command::User(user) => user.config().and_then(|(config, change)| users::change(&config, change)),
    };
    server::exit_code(outcome)
}
