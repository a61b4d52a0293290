//! Load test: opens thousands of event streams, checks that each received every event, and measures.
#![expect(clippy::print_stdout, reason = "the results are for people and scripts")]

mod axum_baseline;
mod clients;
mod deliveries;
mod fanout;
mod fixture;
mod histogram;
mod jobs;
mod manual;
mod post;
mod process;
mod reconnect;
mod seq_set;
mod server;
mod sse;
mod table;
mod traces;

use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};

use clients::Retry;
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
    /// Open many streams of a running server and check that all of them receive the same events
    Listen(manual::Options),
    /// Run all measurements and print a table (`make bench-stream`)
    Table {
        /// Rounds of the comparison with other servers
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Seconds of each round
        #[arg(long, default_value_t = 8)]
        seconds: u64,
        /// Seconds of the measurement with jobs
        #[arg(long, default_value_t = 40)]
        jobs: u64,
    },
    /// Send messages to all streams of one server, or of each server in turn
    Fanout {
        #[arg(long, default_value_t = 10_000)]
        streams: usize,
        /// Messages per second; 0 for as many as are delivered
        #[arg(long, default_value_t = 10)]
        rate: u32,
        #[arg(long, default_value_t = 8)]
        seconds: u64,
        #[arg(long)]
        only: Option<Kind>,
        #[arg(long, default_value_t = 1)]
        rounds: u32,
    },
    /// Run jobs that report continuously
    Jobs {
        #[arg(long, default_value_t = 1_000)]
        jobs: usize,
        #[arg(long, default_value_t = 1_000)]
        streams: usize,
        /// Number of jobs that each stream shows
        #[arg(long, default_value_t = 50)]
        shown: usize,
        #[arg(long, default_value_t = 40)]
        seconds: u64,
    },
    /// Kill the server, start it again and measure how soon all clients reconnect
    #[command(alias = "comeback")]
    Reconnect {
        #[arg(long, default_value_t = 2_000)]
        streams: usize,
        /// Retry as browsers do, instead of every 300 ms
        #[arg(long)]
        browser: bool,
    },
    /// Write traces of finished jobs for `make bench-eta`
    Traces(traces::Options),
    /// Serve the axum baseline
    #[command(name = "bare", hide = true)]
    AxumBaseline,
}

fn main() -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    match Arguments::parse().command {
        Command::Listen(options) => manual::listen(options),
        Command::Table { rounds, seconds, jobs } => {
            let (time, jobs) = (Duration::from_secs(seconds), Duration::from_secs(jobs));
            table::print(table::Durations { rounds, time, jobs })
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
            let figures = jobs::run(jobs::Scenario { jobs, streams, shown, time: Duration::from_secs(seconds) })?;
            println!("{figures:?}");
            Ok(())
        }
        Command::Reconnect { streams, browser } => {
            let retry = if browser { Retry::Browser } else { Retry::Every(Duration::from_millis(300)) };
            println!("{:?}", reconnect::run(streams, retry)?);
            Ok(())
        }
        Command::Traces(options) => traces::record(&options),
        Command::AxumBaseline => axum_baseline::serve(),
    }
}
