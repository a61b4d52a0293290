//! The program `milepost`.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use server::{
    cli::{Cli, Command},
    run::{health, serve, users, worker},
};

/// Frames of event streams are made on one thread, sent on others and freed on any. With the allocator of the system
/// that is a quarter of the cost of thousands of streams.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let outcome = match Cli::parse().command() {
        Command::Serve(args) => args.config().and_then(|config| serve::run(config, tasks::register)),
        Command::Worker(args) => args.config().and_then(|config| worker::run(config, tasks::register)),
        Command::Health(args) => args.config().and_then(|config| health::check(&config)),
        Command::SetupLink(args) => args.config().and_then(|config| users::setup_link(&config)),
        Command::User(args) => args.config().and_then(|(config, change)| users::change_users(&config, change)),
    };
    server::exit_code(outcome)
}
