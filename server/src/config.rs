//! What can be configured, and where it comes from: flags over environment over file over defaults.

mod values;

use std::{
    env,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde::Deserialize;

pub use values::{Address, Size, Span};

use crate::{Error, Result};

/// Every setting, once: each is a flag, a variable `MILEPOST_…` and a key of the configuration file.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:3000]
    #[arg(long, env = "MILEPOST_ADDR", value_name = "HOST:PORT", help_heading = "Server")]
    addr: Option<Address>,

    /// Folder of the database, uploads and artifacts [default: ./data]
    #[arg(long, env = "MILEPOST_DATA_DIR", value_name = "DIR", help_heading = "Server")]
    data_dir: Option<PathBuf>,

    /// Folder that tasks may read; may be given several times [default: DATA/files] [env: `MILEPOST_ROOT`, with :
    /// between them]
    #[arg(long, value_name = "DIR", help_heading = "Tasks")]
    #[serde(default)]
    root: Vec<PathBuf>,

    /// Work without accounts: everyone who can reach the address may do everything
    #[arg(long, env = "MILEPOST_NO_AUTH", value_name = "BOOL", help_heading = "Server")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_auth: Option<bool>,

    /// Jobs that run at once, 1 to 10000 [default: 8]
    #[arg(long, env = "MILEPOST_CONCURRENCY", value_name = "JOBS", help_heading = "Tasks")]
    concurrency: Option<u32>,

    /// How long a task may take to stop after a cancel [default: 10s]
    #[arg(long, env = "MILEPOST_CANCEL_GRACE", value_name = "TIME", help_heading = "Tasks")]
    cancel_grace: Option<Span>,

    /// How long running jobs may go on after SIGTERM before they are handed back to the queue [default: 3s]
    #[arg(long, env = "MILEPOST_SHUTDOWN_GRACE", value_name = "TIME", help_heading = "Tasks")]
    shutdown_grace: Option<Span>,

    /// The largest upload accepted [default: 2GiB]
    #[arg(long, env = "MILEPOST_UPLOAD_LIMIT", value_name = "SIZE", help_heading = "Tasks")]
    upload_limit: Option<Size>,

    /// Let check-links ask private and loopback addresses
    #[arg(long, env = "MILEPOST_ALLOW_PRIVATE_LINKS", value_name = "BOOL", help_heading = "Tasks")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_private_links: Option<bool>,

    /// Connections at once, all together [default: 12000]
    #[arg(long, env = "MILEPOST_CONNECTIONS", value_name = "COUNT", help_heading = "Server")]
    connections: Option<u32>,

    /// Connections at once from one address [default: as many as all together]
    #[arg(long, env = "MILEPOST_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", help_heading = "Server")]
    connections_per_address: Option<u32>,

    /// What to log to stderr: a level, or a filter such as `info,engine=debug` [default: info]
    #[arg(long, env = "MILEPOST_LOG", value_name = "FILTER", help_heading = "Server")]
    log: Option<String>,
}

impl Settings {
    /// Reads a configuration file (TOML). A key that is no setting is an error that names it.
    pub fn from_file(path: &Path) -> Result<Self> {
        let problem = |message: String| Error::Config { path: path.to_owned(), message };
        let text = std::fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        toml::from_str(&text).map_err(|error| problem(error.to_string()))
    }

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
            addr: self.addr.or(below.addr),
            data_dir: self.data_dir.or(below.data_dir),
            root: if self.root.is_empty() { below.root } else { self.root },
            no_auth: self.no_auth.or(below.no_auth),
            concurrency: self.concurrency.or(below.concurrency),
            cancel_grace: self.cancel_grace.or(below.cancel_grace),
            shutdown_grace: self.shutdown_grace.or(below.shutdown_grace),
            upload_limit: self.upload_limit.or(below.upload_limit),
            allow_private_links: self.allow_private_links.or(below.allow_private_links),
            connections: self.connections.or(below.connections),
            connections_per_address: self.connections_per_address.or(below.connections_per_address),
            log: self.log.or(below.log),
        }
    }
}

/// What the server works with: every setting decided and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub addr: SocketAddr,
    /// Everything that is kept lies here.
    pub data_dir: PathBuf,
    /// Folders that tasks may read; empty for `DATA/files`.
    pub roots: Vec<PathBuf>,
    /// Whether working without accounts was asked for by name.
    pub no_auth: bool,
    /// Jobs at once.
    pub concurrency: u32,
    /// How long a task may take to stop.
    pub cancel_grace: Duration,
    /// How long running jobs may go on once the server is to stop.
    pub shutdown_grace: Duration,
    /// The largest upload, bytes.
    pub upload_limit: u64,
    /// Whether check-links may ask private addresses.
    pub allow_private_links: bool,
    /// Connections at once.
    pub connections: u32,
    /// Connections at once from one address.
    pub connections_per_address: u32,
    /// Filter of the log.
    pub log: String,
    /// The socket that tells pages to reload, while `cargo leptos watch` serves.
    pub reload_port: Option<u16>,
}

impl Config {
    /// Fills in the defaults and checks what must hold together.
    pub fn new(settings: Settings) -> Result<Self> {
        let watch = env::var_os("LEPTOS_WATCH").is_some();
        let addr = match settings.addr {
            Some(addr) => addr.0,
            None => leptos_address()?.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000)),
        };
        if !addr.ip().is_loopback() {
            return Err(Error::NotLoopback(addr));
        }
        let connections = within("connections", settings.connections, 1..=u32::MAX)?.unwrap_or(12_000);
        let per_address = within("connections_per_address", settings.connections_per_address, 1..=connections)?;
        Ok(Self {
            addr,
            data_dir: settings.data_dir.unwrap_or_else(|| "data".into()),
            roots: settings.root,
            no_auth: settings.no_auth.unwrap_or(false),
            concurrency: within("concurrency", settings.concurrency, 1..=10_000)?.unwrap_or(8),
            cancel_grace: settings.cancel_grace.map_or(Duration::from_secs(10), |span| span.0),
            shutdown_grace: match settings.shutdown_grace {
                Some(span) => span.0,
                // A developer waits for the rebuilt server, not for yesterday's jobs.
                None if watch => Duration::from_millis(200),
                None => Duration::from_secs(3),
            },
            upload_limit: settings.upload_limit.map_or(2 << 30, |size| size.0),
            allow_private_links: settings.allow_private_links.unwrap_or(false),
            connections,
            connections_per_address: per_address.unwrap_or(connections),
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            reload_port: watch.then(leptos_reload_port).transpose()?,
        })
    }
}

/// A number in its range, wherever it was given.
fn within(name: &'static str, value: Option<u32>, range: RangeInclusive<u32>) -> Result<Option<u32>> {
    match value {
        Some(value) if !range.contains(&value) => {
            let (least, most) = range.into_inner();
            let message = if most == u32::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
            Err(Error::Setting { name, message: format!("{value} is not possible; it can be {message}") })
        }
        value => Ok(value),
    }
}

/// Where `cargo leptos` expects its server.
fn leptos_address() -> Result<Option<SocketAddr>> {
    let Ok(text) = env::var("LEPTOS_SITE_ADDR") else { return Ok(None) };
    let address = text.parse::<Address>().map_err(|message| Error::Variable { name: "LEPTOS_SITE_ADDR", message })?;
    Ok(Some(address.0))
}

fn leptos_reload_port() -> Result<u16> {
    let text = env::var("LEPTOS_RELOAD_PORT").unwrap_or_else(|_| "3001".to_owned());
    text.parse()
        .map_err(|_| Error::Variable { name: "LEPTOS_RELOAD_PORT", message: format!("`{text}` is not a port number") })
}
