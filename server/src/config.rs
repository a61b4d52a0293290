//! Configuration: flags take precedence over the environment, the file and the defaults.

mod base_path;
mod public_url;
mod sessions;
mod values;
mod work;

use std::{
    collections::BTreeMap,
    env,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    ops::RangeInclusive,
    path::Path,
    time::Duration,
};

use clap::Args;
use commands::Command;
use serde::Deserialize;
use url::Url;

pub use sessions::SessionLimits;
pub use values::{Address, Network, Size, Span};
pub use work::{WorkConfig, WorkSettings};

use crate::{Error, Result, limits::StreamLimits, middleware::client_ip::TrustedProxies};

/// All settings: each is a flag, a variable `MILEPOST_…` and a key of the configuration file.
#[derive(Args, Clone, Debug, Default, Deserialize)]
pub struct Settings {
    #[command(flatten)]
    #[serde(flatten)]
    web: WebSettings,
    #[command(flatten)]
    #[serde(flatten)]
    work: WorkSettings,
    /// Tables `[command.NAME]`; a file only, since neither flags nor variables may declare programs.
    #[arg(skip)]
    #[serde(default)]
    command: BTreeMap<String, toml::Value>,
    /// Unknown keys of the file.
    #[arg(skip)]
    #[serde(flatten)]
    unknown: BTreeMap<String, toml::Value>,
}

/// Settings of the web server.
#[derive(Args, Clone, Debug, Default, Deserialize)]
struct WebSettings {
    /// Listen address; port 0 takes a free port [default: 127.0.0.1:3000]
    #[arg(long, env = "MILEPOST_ADDR", value_name = "HOST:PORT", help_heading = "Server")]
    addr: Option<Address>,

    /// Public address, such as `https://milepost.example.org`: the server accepts requests for it and uses it in links
    #[arg(long, env = "MILEPOST_PUBLIC_URL", value_name = "URL", help_heading = "Server")]
    public_url: Option<String>,

    /// Path prefix of all addresses, such as /milepost, where a proxy shares one host
    #[arg(long, env = "MILEPOST_BASE_PATH", value_name = "PATH", help_heading = "Server")]
    base_path: Option<String>,

    /// Trusted proxy network, whose X-Forwarded-For is used; may be given several times [default: none]
    #[arg(long, env = "MILEPOST_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',', help_heading = "Server")]
    #[serde(default)]
    trusted_proxy: Vec<Network>,

    /// Run without accounts: anyone who can reach the address has full access
    #[arg(long, env = "MILEPOST_NO_AUTH", value_name = "BOOL", help_heading = "Server")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_auth: Option<bool>,

    /// Let browsers save the overview and the job list for times without server [default: true]
    #[arg(long, env = "MILEPOST_KEPT_PAGES", value_name = "BOOL", help_heading = "Server")]
    kept_pages: Option<bool>,

    /// Sign browsers out after this long without use [default: 7days]
    #[arg(long, env = "MILEPOST_SESSION_IDLE", value_name = "TIME", help_heading = "Server")]
    session_idle: Option<Span>,

    /// Sign browsers out after this long in any case [default: 30days]
    #[arg(long, env = "MILEPOST_SESSION_LIFETIME", value_name = "TIME", help_heading = "Server")]
    session_lifetime: Option<Span>,

    /// Largest upload [default: 2GiB]
    #[arg(long, env = "MILEPOST_UPLOAD_LIMIT", value_name = "SIZE", help_heading = "Server")]
    upload_limit: Option<Size>,

    /// Stored uploads of one user [default: 20GiB; unlimited without accounts]
    #[arg(long, env = "MILEPOST_UPLOAD_QUOTA", value_name = "SIZE", help_heading = "Server")]
    upload_quota: Option<Size>,

    /// Open connections in total [default: 12000]
    #[arg(long, env = "MILEPOST_CONNECTIONS", value_name = "COUNT", help_heading = "Server")]
    connections: Option<u32>,

    /// Open connections from one address that is not a trusted proxy [default: as in total]
    #[arg(long, env = "MILEPOST_CONNECTIONS_PER_ADDRESS", value_name = "COUNT", help_heading = "Server")]
    connections_per_address: Option<u32>,

    /// Event streams and waiting polls in total [default: 5 of 6 connections]
    #[arg(long, env = "MILEPOST_STREAMS", value_name = "COUNT", help_heading = "Server")]
    streams: Option<u32>,

    /// Event streams from one address, or one IPv6 network (/64) [default: 1000; as in total without accounts]
    #[arg(long, env = "MILEPOST_STREAMS_PER_ADDRESS", value_name = "COUNT", help_heading = "Server")]
    streams_per_address: Option<u32>,

    /// Event streams of one user, through all sessions and tokens [default: 200]
    #[arg(long, env = "MILEPOST_STREAMS_PER_USER", value_name = "COUNT", help_heading = "Server")]
    streams_per_user: Option<u32>,

    /// Event streams of one session or token [default: 32]
    #[arg(long, env = "MILEPOST_STREAMS_PER_SESSION", value_name = "COUNT", help_heading = "Server")]
    streams_per_session: Option<u32>,
}

impl Settings {
    /// Reads a configuration file (TOML). An unknown key is an error.
    pub fn from_file(path: &Path) -> Result<Self> {
        let invalid = |message: String| Error::Config { path: path.to_owned(), message };
        let text = std::fs::read_to_string(path).map_err(|error| invalid(error.to_string()))?;
        let mut settings: Self = toml::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        if let Some(key) = settings.unknown.keys().next() {
            return Err(invalid(format!("there is no setting `{key}`")));
        }
        for (name, table) in std::mem::take(&mut settings.command) {
            let command = Command::from_toml(&name, table).map_err(|wrong| invalid(wrong.to_string()))?;
            settings.work.commands.push(command);
        }
        Ok(settings)
    }

    /// The settings of a worker.
    #[must_use]
    pub fn into_work(self) -> WorkSettings {
        self.work
    }

    /// Adds the variables that clap cannot read.
    #[must_use]
    pub fn with_environment(self) -> Self {
        Self { work: self.work.with_environment(), ..self }
    }

    /// Fills in missing settings from `fallback`.
    #[must_use]
    pub fn with_fallback(self, fallback: Self) -> Self {
        Self {
            web: self.web.with_fallback(fallback.web),
            work: self.work.with_fallback(fallback.work),
            command: self.command,
            unknown: self.unknown,
        }
    }
}

impl WebSettings {
    fn with_fallback(self, fallback: Self) -> Self {
        Self {
            addr: self.addr.or(fallback.addr),
            public_url: self.public_url.or(fallback.public_url),
            base_path: self.base_path.or(fallback.base_path),
            trusted_proxy: if self.trusted_proxy.is_empty() { fallback.trusted_proxy } else { self.trusted_proxy },
            no_auth: self.no_auth.or(fallback.no_auth),
            kept_pages: self.kept_pages.or(fallback.kept_pages),
            session_idle: self.session_idle.or(fallback.session_idle),
            session_lifetime: self.session_lifetime.or(fallback.session_lifetime),
            upload_limit: self.upload_limit.or(fallback.upload_limit),
            upload_quota: self.upload_quota.or(fallback.upload_quota),
            connections: self.connections.or(fallback.connections),
            connections_per_address: self.connections_per_address.or(fallback.connections_per_address),
            streams: self.streams.or(fallback.streams),
            streams_per_address: self.streams_per_address.or(fallback.streams_per_address),
            streams_per_user: self.streams_per_user.or(fallback.streams_per_user),
            streams_per_session: self.streams_per_session.or(fallback.streams_per_session),
        }
    }
}

/// The checked configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    pub work: WorkConfig,
    /// Listen address.
    pub addr: SocketAddr,
    /// The public address, without a path, if it is configured.
    pub public_url: Option<Url>,
    /// The path prefix of all addresses; may be empty.
    pub base_path: String,
    /// Proxies whose `X-Forwarded-For` is used.
    pub trusted_proxies: TrustedProxies,
    /// Runs without accounts.
    pub no_auth: bool,
    /// Lets browsers save pages for when the server is unreachable.
    pub kept_pages: bool,
    /// Moves all files without a database row aside, however many there are. A flag only.
    pub sweep_orphans: bool,
    /// Limits of web sessions.
    pub sessions: SessionLimits,
    /// The largest upload, bytes.
    pub upload_limit: u64,
    /// Most bytes of stored uploads of one user; `None` for no limit.
    pub upload_quota: Option<u64>,
    /// Most open connections.
    pub connections: u32,
    /// Most open connections from one address that is not a trusted proxy.
    pub connections_per_address: u32,
    /// Limits of event streams.
    pub streams: StreamLimits,
    /// Time-out of a request body that stops arriving. Not configurable.
    pub body_timeout: Duration,
    /// The socket by which `cargo leptos watch` reloads pages.
    pub reload_port: Option<u16>,
}

/// Where a server listens without `--addr`.
pub(crate) const DEFAULT_ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

impl Config {
    /// Fills in the defaults and checks the settings.
    pub fn new(settings: Settings) -> Result<Self> {
        let Settings { web, work, command: _, unknown: _ } = settings;
        let watch = env::var_os("LEPTOS_WATCH").is_some();
        let addr = match web.addr {
            Some(addr) => addr.0,
            None => leptos_address()?.unwrap_or(DEFAULT_ADDR),
        };
        let no_auth = web.no_auth.unwrap_or(false);
        if no_auth && !addr.ip().is_loopback() {
            return Err(Error::NotLoopback(addr));
        }
        let connections = check_range("connections", web.connections, 1..=u32::MAX)?.unwrap_or(12_000);
        let per_address = check_range("connections_per_address", web.connections_per_address, 1..=connections)?;
        let streams = StreamLimits {
            total: check_range("streams", web.streams, 1..=connections)?.unwrap_or(default_streams(connections)),
            per_address: check_range("streams_per_address", web.streams_per_address, 1..=u32::MAX)?
                .unwrap_or(if no_auth { u32::MAX } else { StreamLimits::default().per_address }),
            per_user: check_range("streams_per_user", web.streams_per_user, 1..=u32::MAX)?
                .unwrap_or(StreamLimits::default().per_user),
            per_session: check_range("streams_per_session", web.streams_per_session, 1..=u32::MAX)?
                .unwrap_or(StreamLimits::default().per_session),
        };
        Ok(Self {
            work: WorkConfig::for_server(work, watch)?,
            addr,
            public_url: public_url::parse(web.public_url)?,
            base_path: base_path::parse(web.base_path)?,
            trusted_proxies: web.trusted_proxy.iter().map(|network| network.0).collect(),
            no_auth,
            kept_pages: web.kept_pages.unwrap_or(true),
            sweep_orphans: false,
            sessions: SessionLimits::parse(web.session_idle, web.session_lifetime)?,
            upload_limit: web.upload_limit.map_or(2 << 30, |size| size.0),
            upload_quota: web.upload_quota.map(|size| size.0).or((!no_auth).then_some(20 << 30)),
            connections,
            connections_per_address: per_address.unwrap_or(connections),
            streams,
            body_timeout: Duration::from_secs(30),
            reload_port: watch.then(leptos_reload_port).transpose()?,
        })
    }
}

impl Config {
    /// The name of the server on pages: the host of its public address, or Milepost.
    pub fn name(&self) -> &str {
        self.public_url.as_ref().and_then(Url::host_str).unwrap_or("Milepost")
    }

    /// Whether the public address is HTTPS.
    pub fn is_https(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.scheme() == "https")
    }

    /// The address of the server for a client on this machine.
    pub fn local_addr(&self) -> SocketAddr {
        reachable(self.addr)
    }

    /// An absolute link to `path`, which begins with `/`: on the public address, or else on the address that the server
    /// is `listening` on.
    pub fn link(&self, path: &str, listening: SocketAddr) -> String {
        let origin = match &self.public_url {
            Some(url) => url.origin().ascii_serialization(),
            None => format!("http://{}", reachable(listening)),
        };
        format!("{origin}{}{path}", self.base_path)
    }
}

/// Default for event streams: five of six connections, which leaves the others for pages.
pub(crate) const fn default_streams(connections: u32) -> u32 {
    connections - connections / 6
}

/// Address for clients on this machine: the loopback address if the server listens on all addresses.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        ip if !ip.is_unspecified() => addr,
        IpAddr::V4(_) => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(_) => (Ipv6Addr::LOCALHOST, addr.port()).into(),
    }
}

/// Checks that a number is in its range.
fn check_range(name: &'static str, value: Option<u32>, range: RangeInclusive<u32>) -> Result<Option<u32>> {
    match value {
        Some(value) if !range.contains(&value) => {
            let (min, max) = range.into_inner();
            let message = if max == u32::MAX { format!("at least {min}") } else { format!("{min} to {max}") };
            Err(Error::Setting { name, message: format!("{value} is not possible; it can be {message}") })
        }
        value => Ok(value),
    }
}

/// The address that `cargo leptos` has set.
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
