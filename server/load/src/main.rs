//! The project's load tool: opens thousands of event streams, reconciles what each received, and measures.
#![expect(clippy::print_stdout, reason = "what it says is for people and scripts")]

mod bare;
mod board;
mod comeback;
mod crew;
mod fanout;
mod hand;
mod histogram;
mod jobs;
mod post;
mod process;
mod seed;
mod seen;
mod server;
mod sse;
mod table;
mod traces;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crew::Retry;
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
    /// Many streams of a server that runs, and whether all of them tell the same
    Listen(hand::Wish),
    /// All that is measured, as a table (`make bench-stream`)
    Table {
        /// Rounds of what stands beside other servers
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Seconds of each
        #[arg(long, default_value_t = 8)]
        seconds: u64,
        /// Seconds of the jobs that report all the time
        #[arg(long, default_value_t = 40)]
        jobs: u64,
    },
    /// Messages to everybody, at one server or at all of them
    Fanout {
        #[arg(long, default_value_t = 10_000)]
        streams: usize,
        /// Messages a second; 0 for as many as are delivered
        #[arg(long, default_value_t = 10)]
        rate: u32,
        #[arg(long, default_value_t = 8)]
        seconds: u64,
        #[arg(long)]
        only: Option<Kind>,
        #[arg(long, default_value_t = 1)]
        rounds: u32,
    },
    /// Jobs that report all the time
    Jobs {
        #[arg(long, default_value_t = 1_000)]
        jobs: usize,
        #[arg(long, default_value_t = 1_000)]
        streams: usize,
        /// Jobs that each stream shows
        #[arg(long, default_value_t = 50)]
        shown: usize,
        #[arg(long, default_value_t = 40)]
        seconds: u64,
    },
    /// A server that is killed and started again
    Comeback {
        #[arg(long, default_value_t = 2_000)]
        streams: usize,
        /// Try again as browsers do, instead of every 300 ms
        #[arg(long)]
        browser: bool,
    },
    /// How finished jobs went, as traces for `make bench-eta`
    Traces(traces::Wish),
    /// The yardstick: a server of axum and a broadcast channel
    #[command(hide = true)]
    Bare,
}

fn main() -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    match Arguments::parse().command {
        Command::Listen(wish) => hand::listen(wish),
        Command::Table { rounds, seconds, jobs } => {
            let (time, jobs) = (Duration::from_secs(seconds), Duration::from_secs(jobs));
            table::print(table::Effort { rounds, time, jobs })
        }
        Command::Fanout { streams, rate, seconds, only, rounds } => {
            let pace = if rate == 0 { Pace::AsDelivered } else { Pace::PerSecond(rate) };
            let kinds = Kind::all().into_iter().filter(|kind| only.is_none_or(|only| only == *kind));
            let kinds: Vec<_> = kinds.collect();
            for _ in 0..rounds {
                for kind in &kinds {
                    let figures = fanout::run(*kind, streams, pace, Duration::from_secs(seconds))?;
                    println!("{:14} {figures:?}", kind.name());
                }
            }
            Ok(())
        }
        Command::Jobs { jobs, streams, shown, seconds } => {
            let figures = jobs::run(jobs::Scene { jobs, streams, shown, time: Duration::from_secs(seconds) })?;
            println!("{figures:?}");
            Ok(())
        }
        Command::Comeback { streams, browser } => {
            let retry = if browser { Retry::Browser } else { Retry::Every(Duration::from_millis(300)) };
            println!("{:?}", comeback::run(streams, retry)?);
            Ok(())
        }
        Command::Traces(wish) => traces::record(&wish),
        Command::Bare => bare::serve(),
    }
}
