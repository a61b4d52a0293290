//! Settings of a process that runs jobs: `serve` and `worker`.

use std::{env, ops::RangeInclusive, path::PathBuf, time::Duration};

use clap::Args;
use commands::Command;
use serde::Deserialize;

use super::{Size, Span, check_range};
use crate::{Error, Result};

const MAX_JOBS: u32 = 10_000;
/// With a shorter lease a worker on a busy machine would be declared dead.
const MIN_LEASE: Duration = Duration::from_millis(300);

/// Settings of a process that runs jobs.
#[derive(Args, Clone, Debug, Default, Deserialize)]
pub struct WorkSettings {
    /// Directory of the database, uploads and artifacts [default: ./data]
    #[arg(long, env = "MILEPOST_DATA_DIR", value_name = "DIR", help_heading = "Data")]
    data_dir: Option<PathBuf>,

    /// Folder that tasks may read; may be given several times [default: DATA/files] [env: `MILEPOST_ROOT`, with :
    /// between them]
    #[arg(long, value_name = "DIR", help_heading = "Tasks")]
    #[serde(default)]
    root: Vec<PathBuf>,

    /// Jobs that run at once in this process, at most 10000; a server with 0 leaves all jobs to workers [default: 8]
    #[arg(long, env = "MILEPOST_CONCURRENCY", value_name = "JOBS", help_heading = "Tasks")]
    concurrency: Option<u32>,

    /// Time to stop after a cancel before a job is not responding [default: 10s]
    #[arg(long, env = "MILEPOST_CANCEL_GRACE", value_name = "TIME", help_heading = "Tasks")]
    cancel_grace: Option<Span>,

    /// Time for running jobs after SIGTERM before they return to the queue; the process ends 6 s later [default: 3s]
    #[arg(long, env = "MILEPOST_SHUTDOWN_GRACE", value_name = "TIME", help_heading = "Tasks")]
    shutdown_grace: Option<Span>,

    /// Worker lease time-out: a worker that is silent for longer loses its jobs [default: 30s]
    #[arg(long, env = "MILEPOST_LEASE", value_name = "TIME", help_heading = "Tasks")]
    lease: Option<Span>,

    /// Let check-links request private and loopback addresses
    #[arg(long, env = "MILEPOST_ALLOW_PRIVATE_LINKS", value_name = "BOOL", help_heading = "Tasks")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_private_links: Option<bool>,

    /// Most bytes that one attempt of a job may write to disk [default: 1TiB]
    #[arg(long, env = "MILEPOST_JOB_WRITE_LIMIT", value_name = "SIZE", help_heading = "Tasks")]
    job_write_limit: Option<Size>,

    /// Log level on stderr, or a filter such as `info,engine=debug` [default: info]
    #[arg(long, env = "MILEPOST_LOG", value_name = "FILTER", help_heading = "Log")]
    log: Option<String>,

    /// The checked tables `[command.NAME]` of the file.
    #[arg(skip)]
    #[serde(skip)]
    pub(super) commands: Vec<Command>,
}

impl WorkSettings {
    /// Adds `MILEPOST_ROOT`, a list separated as in `PATH`, which clap cannot read: on the command line a colon is part
    /// of the name.
    #[must_use]
    pub fn with_environment(mut self) -> Self {
        if self.root.is_empty() {
            self.root = env::var_os("MILEPOST_ROOT").iter().flat_map(env::split_paths).collect();
        }
        self
    }

    /// Fills in missing settings from `fallback`.
    #[must_use]
    pub fn with_fallback(self, fallback: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(fallback.data_dir),
            root: if self.root.is_empty() { fallback.root } else { self.root },
            concurrency: self.concurrency.or(fallback.concurrency),
            cancel_grace: self.cancel_grace.or(fallback.cancel_grace),
            shutdown_grace: self.shutdown_grace.or(fallback.shutdown_grace),
            lease: self.lease.or(fallback.lease),
            allow_private_links: self.allow_private_links.or(fallback.allow_private_links),
            job_write_limit: self.job_write_limit.or(fallback.job_write_limit),
            log: self.log.or(fallback.log),
            commands: fallback.commands,
        }
    }
}

/// The checked configuration of a process that runs jobs.
#[derive(Clone, Debug)]
pub struct WorkConfig {
    /// Data directory.
    pub data_dir: PathBuf,
    /// Folders that tasks may read; empty for `DATA/files`.
    pub roots: Vec<PathBuf>,
    /// Most jobs that run at a time.
    pub concurrency: u32,
    /// Time to stop after a cancel before a job is not responding.
    pub cancel_grace: Duration,
    /// Time for running jobs in a graceful shutdown.
    pub shutdown_grace: Duration,
    /// Lease of the worker: after this long without a heartbeat other processes take its jobs.
    pub lease: Duration,
    /// Lets `check-links` request private addresses.
    pub allow_private_links: bool,
    /// Most bytes that one attempt of a job may write.
    pub job_write_limit: u64,
    /// Log filter.
    pub log: String,
    /// Configured external commands.
    pub commands: Vec<Command>,
}

impl WorkConfig {
    /// Checks the settings of a server, which may leave all jobs to workers. With `watch` the shutdown grace is short,
    /// so that a rebuilt server starts soon.
    pub(super) fn for_server(settings: WorkSettings, watch: bool) -> Result<Self> {
        let shutdown_grace = if watch { Duration::from_millis(200) } else { Duration::from_secs(3) };
        Self::new(settings, 0..=MAX_JOBS, shutdown_grace)
    }

    /// Checks the settings of a worker.
    pub fn for_worker(settings: WorkSettings) -> Result<Self> {
        Self::new(settings, 1..=MAX_JOBS, Duration::from_secs(3))
    }

    fn new(settings: WorkSettings, concurrency: RangeInclusive<u32>, shutdown_grace: Duration) -> Result<Self> {
        let lease = settings.lease.map_or(Duration::from_secs(30), |span| span.0);
        if lease < MIN_LEASE {
            let message = format!("{lease:?} is not possible; it can be {MIN_LEASE:?} or more");
            return Err(Error::Setting { name: "lease", message });
        }
        Ok(Self {
            data_dir: settings.data_dir.unwrap_or_else(|| "data".into()),
            roots: settings.root,
            concurrency: check_range("concurrency", settings.concurrency, concurrency)?.unwrap_or(8),
            cancel_grace: settings.cancel_grace.map_or(Duration::from_secs(10), |span| span.0),
            shutdown_grace: settings.shutdown_grace.map_or(shutdown_grace, |span| span.0),
            lease,
            allow_private_links: settings.allow_private_links.unwrap_or(false),
            job_write_limit: settings.job_write_limit.map_or(1 << 40, |size| size.0),
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            commands: settings.commands,
        })
    }
}
