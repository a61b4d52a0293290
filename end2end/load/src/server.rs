//! Measured servers: start, requests and publishing of each.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{
    clients::{Plan, Retry},
    fixture::Fixture,
    post::Post,
    process::{Cost, Process},
};

/// Number of streams that each server must accept.
const MAX_STREAMS: usize = 12_000;
/// Number of source addresses: a server may limit the streams of one address.
const SOURCES: u8 = 20;
/// The nchan module of nginx, as installed by Debian.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
/// Further headers of a browser, the same for all servers.
const BROWSER: &str = "accept: text/event-stream\r\naccept-language: en-GB,en;q=0.9\r\naccept-encoding: gzip, deflate, br\r\n\
    cache-control: no-cache\r\nsec-fetch-site: same-origin\r\nsec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\n\
    user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n";
const FORM: &str = "application/x-www-form-urlencoded";

/// A kind of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// axum and a broadcast channel.
    #[value(name = "bare")]
    AxumBaseline,
    /// nginx with nchan.
    Nchan,
    /// Milepost with accounts.
    Milepost,
}

/// A running server.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) addr: SocketAddr,
    process: Process,
    /// The data directory of Milepost.
    fixture: Option<Fixture>,
    _folder: TempDir,
}

impl Kind {
    /// Returns the kinds that can run on this machine.
    pub(crate) fn all() -> Vec<Self> {
        let nchan = Path::new(NCHAN).exists() && Command::new("nginx").arg("-v").output().is_ok();
        [Some(Self::AxumBaseline), nchan.then_some(Self::Nchan), Some(Self::Milepost)].into_iter().flatten().collect()
    }

    /// Returns the name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AxumBaseline => "bare axum",
            Self::Nchan => "nginx + nchan",
            Self::Milepost => "Milepost",
        }
    }

    /// Starts a server without data.
    pub(crate) fn start(self) -> Result<Server> {
        match self {
            Self::AxumBaseline => axum_baseline(),
            Self::Nchan => nchan(),
            Self::Milepost => Server::milepost(Fixture::build(MAX_STREAMS)?, &[]),
        }
    }
}

impl Server {
    /// Starts Milepost with the data directory of `fixture`.
    pub(crate) fn milepost(fixture: Fixture, more: &[&str]) -> Result<Self> {
        Self::milepost_at(fixture, "127.0.0.1:0", more)
    }

    fn milepost_at(fixture: Fixture, addr: &str, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(milepost_path());
        command.args(["serve", "--addr", addr, "--connections", &(MAX_STREAMS + 500).to_string(), "--data-dir"]);
        command.arg(fixture.data()).args(more);
        let (process, line) = Process::start(&mut command, true)?;
        let addr = line
            .strip_prefix("listening on http://")
            .with_context(|| format!("unexpected first line of the server: {line}"))?;
        let addr = addr.trim_end_matches('/').parse()?;
        Ok(Self { kind: Kind::Milepost, addr, process, fixture: Some(fixture), _folder: tempfile::tempdir()? })
    }

    /// Starts Milepost again with the same address and data.
    pub(crate) fn restart(fixture: Fixture, addr: SocketAddr) -> Result<Self> {
        Self::milepost_at(fixture, &addr.to_string(), &[])
    }

    /// Kills the server. Returns its fixture for a restart.
    pub(crate) fn kill(mut self) -> Result<Fixture> {
        self.process.kill()?;
        self.fixture.take().context("only Milepost has a data directory")
    }

    /// Returns the resource usage.
    pub(crate) fn cost(&self) -> Result<Cost> {
        self.process.cost()
    }

    /// Returns the plan of clients that receive all messages.
    pub(crate) fn plan(&self, retry: Retry, threads: usize) -> Plan {
        let path = match self.kind {
            Kind::AxumBaseline | Kind::Nchan => "/subscribe".to_owned(),
            Kind::Milepost => "/events?topic=messages".to_owned(),
        };
        self.plan_with_paths(retry, threads, move |_| path.clone())
    }

    /// Returns the plan of clients with a path for each.
    pub(crate) fn plan_with_paths(
        &self,
        retry: Retry,
        threads: usize,
        path: impl Fn(usize) -> String + Send + Sync + 'static,
    ) -> Plan {
        let addr = self.addr;
        let cookies = self.fixture.as_ref().map(Fixture::cookies).unwrap_or_default();
        let request = move |client: usize, last_id: &str| {
            let path = path(client);
            let cookie = match cookies.get(client % cookies.len().max(1)) {
                Some(cookie) => format!("cookie: {cookie}\r\n"),
                None => String::new(),
            };
            let last = if last_id.is_empty() { String::new() } else { format!("last-event-id: {last_id}\r\n") };
            format!("GET {path} HTTP/1.1\r\nhost: {addr}\r\n{BROWSER}{cookie}{last}\r\n").into_bytes()
        };
        Plan { addr, request: Box::new(request), retry, sources: SOURCES, threads }
    }

    /// Returns the names of the events with which a stream is live.
    pub(crate) const fn live_with(&self) -> &'static [&'static [u8]] {
        match self.kind {
            Kind::AxumBaseline | Kind::Nchan => &[],
            Kind::Milepost => &[b"snapshot"],
        }
    }

    /// Creates a publisher.
    pub(crate) fn publisher(&self) -> Publisher {
        let headers = match &self.fixture {
            Some(fixture) => format!("cookie: {}\r\nsec-fetch-site: same-origin\r\n", fixture.cookies()[0]),
            None => String::new(),
        };
        Publisher { kind: self.kind, post: Post::to(self.addr, headers) }
    }

    /// Calls a server function of Milepost.
    pub(crate) fn call(&self, function: &str, body: &str) -> Result<String> {
        self.publisher().post.send(&format!("/api/{function}"), FORM, body)
    }
}

/// Publishes numbers to all streams.
pub(crate) struct Publisher {
    kind: Kind,
    post: Post,
}

/// Size of an event with its name, id and blank line, bytes; the same for all servers.
pub(crate) const FRAME: usize = 200;

impl Publisher {
    /// The text before a number in the data of an event.
    pub(crate) const MARK: &[u8] = b"say ";

    /// Publishes a number in an event of [`FRAME`] bytes.
    pub(crate) fn publish(&mut self, number: u64) -> Result<()> {
        // The rest of the event: `data: ` and two line breaks, or Milepost's name, id and JSON.
        let frame = match self.kind {
            Kind::AxumBaseline | Kind::Nchan => 8,
            Kind::Milepost => 141,
        };
        let text = format!("say {number:<7}");
        let text = format!("{text:.<0$}", FRAME - frame);
        match self.kind {
            Kind::AxumBaseline | Kind::Nchan => self.post.send("/publish", "text/plain", &text)?,
            Kind::Milepost => {
                let form = format!("to=everyone&text={}", text.replace(' ', "+"));
                self.post.send("/api/send_message", FORM, &form)?
            }
        };
        Ok(())
    }
}

/// Returns the path of the measured program: `MILEPOST`, or the result of `make build`.
fn milepost_path() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/release/milepost");
    std::env::var_os("MILEPOST").map_or_else(built, PathBuf::from)
}

fn axum_baseline() -> Result<Server> {
    let (process, line) = Process::start(Command::new(std::env::current_exe()?).arg("bare"), true)?;
    Ok(Server { kind: Kind::AxumBaseline, addr: line.parse()?, process, fixture: None, _folder: tempfile::tempdir()? })
}

/// Starts nginx with one worker per core, and nchan as documented, in a temporary folder.
fn nchan() -> Result<Server> {
    let folder = tempfile::tempdir()?;
    // nginx cannot choose a free port.
    let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let at = folder.path().display();
    let config = format!(
        "load_module {NCHAN};
        daemon off; worker_processes auto; worker_rlimit_nofile 65536; pid {at}/pid; error_log {at}/errors;
        events {{ worker_connections 20000; }}
        http {{
            access_log off; tcp_nodelay on; keepalive_timeout 600s; client_body_temp_path {at}/bodies;
            proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
            nchan_shared_memory_size 256M;
            server {{
                listen {addr} backlog=4096;
                location = /publish {{ nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 200; }}
                location = /subscribe {{
                    nchan_subscriber eventsource; nchan_channel_id all; nchan_subscriber_first_message newest;
                }}
            }}
        }}"
    );
    let path = folder.path().join("nginx.conf");
    fs::write(&path, config)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&path).arg("-p").arg(folder.path()).arg("-e").arg(folder.path().join("errors"));
    let (process, _) = Process::start(&mut command, false)?;
    let begun = Instant::now();
    while TcpStream::connect(addr).is_err() {
        ensure!(begun.elapsed() < Duration::from_secs(5), "nginx does not answer: {}", log(folder.path()));
        thread::sleep(Duration::from_millis(10));
    }
    Ok(Server { kind: Kind::Nchan, addr, process, fixture: None, _folder: folder })
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("errors")).unwrap_or_default()
}
