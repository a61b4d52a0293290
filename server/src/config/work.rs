//! What `serve` and `worker` share: the settings of whoever runs jobs.

use std::{env, ops::RangeInclusive, path::PathBuf, time::Duration};

use clap::Args;
use commands::Command;
use serde::Deserialize;

use super::{Size, Span, within};
use crate::{Error, Result};

/// The most jobs that one process runs at once.
const MOST_JOBS: u32 = 10_000;
/// The shortest lease: below it, a busy machine looks dead.
const SHORTEST_LEASE: Duration = Duration::from_millis(300);

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

    /// What the tables `[command.NAME]` of the file declare, checked.
    #[arg(skip)]
    #[serde(skip)]
    pub(super) commands: Vec<Command>,
}

impl WorkSettings {
    /// What clap cannot read from the environment: a list, separated as in `PATH`. On the command line a colon is part
    /// of the name.
    #[must_use]
    pub fn or_environment(mut self) -> Self {
        if self.root.is_empty() {
            self.root = env::var_os("MILEPOST_ROOT").iter().flat_map(env::split_paths).collect();
        }
        self
    }

    /// These, and `below` where these are silent.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(below.data_dir),
            root: if self.root.is_empty() { below.root } else { self.root },
            concurrency: self.concurrency.or(below.concurrency),
            cancel_grace: self.cancel_grace.or(below.cancel_grace),
            shutdown_grace: self.shutdown_grace.or(below.shutdown_grace),
            lease: self.lease.or(below.lease),
            allow_private_links: self.allow_private_links.or(below.allow_private_links),
            job_write_limit: self.job_write_limit.or(below.job_write_limit),
            log: self.log.or(below.log),
            commands: below.commands,
        }
    }
}

/// How a process runs jobs: every setting decided and checked.
#[derive(Clone, Debug)]
pub struct WorkConfig {
    /// Everything that is kept lies here.
    pub data_dir: PathBuf,
    /// Folders that tasks may read; empty for `DATA/files`.
    pub roots: Vec<PathBuf>,
    /// Jobs at once.
    pub concurrency: u32,
    /// How long a task may take to stop.
    pub cancel_grace: Duration,
    /// How long running jobs may go on once the process is to stop.
    pub shutdown_grace: Duration,
    /// After how long a silence others take its jobs.
    pub lease: Duration,
    /// Whether check-links may ask private addresses.
    pub allow_private_links: bool,
    /// Bytes that one attempt of a job may write.
    pub job_write_limit: u64,
    /// Filter of the log.
    pub log: String,
    /// Programs of the operator's that are tasks.
    pub commands: Vec<Command>,
}

impl WorkConfig {
    /// Of a server, which may leave all jobs to others. A developer who `watch`es waits for the rebuilt one, and not for
    /// yesterday's jobs.
    pub(super) fn serving(settings: WorkSettings, watch: bool) -> Result<Self> {
        let shutdown_grace = if watch { Duration::from_millis(200) } else { Duration::from_secs(3) };
        Self::new(settings, 0..=MOST_JOBS, shutdown_grace)
    }

    /// Of a worker, which is there for the jobs.
    pub fn working(settings: WorkSettings) -> Result<Self> {
        Self::new(settings, 1..=MOST_JOBS, Duration::from_secs(3))
    }

    fn new(settings: WorkSettings, concurrency: RangeInclusive<u32>, shutdown_grace: Duration) -> Result<Self> {
        let lease = settings.lease.map_or(Duration::from_secs(30), |span| span.0);
        if lease < SHORTEST_LEASE {
            let message = format!("{lease:?} is not possible; it can be {SHORTEST_LEASE:?} or more");
            return Err(Error::Setting { name: "lease", message });
        }
        Ok(Self {
            data_dir: settings.data_dir.unwrap_or_else(|| "data".into()),
            roots: settings.root,
            concurrency: within("concurrency", settings.concurrency, concurrency)?.unwrap_or(8),
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
