//! The project's load tool: opens thousands of event streams, reconciles what each received, and measures.
#![expect(clippy::print_stdout, reason = "what it says is for people and scripts")]

mod bare;
mod board;
mod crew;
mod fanout;
mod histogram;
mod post;
mod process;
mod seed;
mod seen;
mod server;
mod sse;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use fanout::Pace;
use server::Kind;

#[derive(Parser)]
#[command(about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The yardstick: a server of axum and a broadcast channel
    #[command(hide = true)]
    Bare,
    /// One server, one way to publish
    Fanout {
        #[arg(long, default_value_t = 10_000)]
        streams: usize,
        /// Messages a second; as many as are delivered where it is 0
        #[arg(long, default_value_t = 10)]
        rate: u32,
        #[arg(long, default_value_t = 8)]
        seconds: u64,
        /// Only of this server: bare, nchan, milepost
        #[arg(long)]
        only: Option<String>,
        #[arg(long, default_value_t = 1)]
        rounds: u32,
    },
}

fn main() -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    match Arguments::parse().command {
        Command::Bare => bare::serve(),
        Command::Fanout { streams, rate, seconds, only, rounds } => {
            let pace = if rate == 0 { Pace::AsDelivered } else { Pace::PerSecond(rate) };
            let only = only.unwrap_or_default();
            let kinds = Kind::all().into_iter().filter(|kind| format!("{kind:?}").to_lowercase().contains(&only));
            let kinds: Vec<_> = kinds.collect();
            for _ in 0..rounds {
                for kind in &kinds {
                    println!(
                        "{:14} {:?}",
                        kind.name(),
                        fanout::run(*kind, streams, pace, Duration::from_secs(seconds))?
                    );
                }
            }
            Ok(())
        }
    }
}
