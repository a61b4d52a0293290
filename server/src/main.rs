//! The program `milepost`.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use rust_embed::RustEmbed;
use server::{
    cli::{Cli, Command},
    http::assets,
    run::{health, serve, users, worker},
};

/// Frames of event streams are made on one thread, sent on others and freed on any. With the allocator of the system
/// that is a quarter of the cost of thousands of streams.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The site of `make site`, with `.br` and `.gz` beside each file.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../target/site"]
#[allow_missing = true]
struct Site;

/// Fails the build where there is no site, and compiles the program again when the site has changed.
/// `MILEPOST_WITHOUT_SITE=1` builds a program whose pages have no style and no script.
#[cfg(not(without_site))]
const _: &[u8] = include_bytes!("../../target/site/SHA256SUMS"); // missing? Run `make site` first.

fn main() -> ExitCode {
    // The client comes first: it has a command line of its own, and starts its program before anything else.
    let is_client = |command: std::ffi::OsString| client::COMMANDS.iter().any(|known| command == *known);
    if std::env::args_os().nth(1).is_some_and(is_client) {
        return client::main(std::env::args_os().skip(1));
    }
    assets::register_site::<Site>();
    let outcome = match Cli::parse().command() {
        Command::Serve(args) => args.config().and_then(|config| serve::run(config, tasks::register)),
        Command::Worker(args) => args.config().and_then(|config| worker::run(config, tasks::register)),
        Command::Health(args) => args.config().and_then(|config| health::check(&config)),
        Command::SetupLink(args) => args.config().and_then(|config| users::setup_link(&config)),
        Command::User(args) => args.config().and_then(|(config, change)| users::change_users(&config, change)),
    };
    server::exit_code(outcome)
}
