//! The servers that are measured, and how each is spoken to.

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
    crew::{Plan, Retry},
    post::Post,
    process::{Cost, Process},
    seed::House,
};

/// How many streams a server must be able to take.
const MOST: usize = 12_000;
/// Addresses that streams come from: from one a server may allow fewer.
const SOURCES: u8 = 20;
/// The module of nginx where Debian puts it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
/// What a browser sends besides, to all servers alike.
const BROWSER: &str = "accept: text/event-stream\r\naccept-language: en-GB,en;q=0.9\r\naccept-encoding: gzip, deflate, br\r\n\
    cache-control: no-cache\r\nsec-fetch-site: same-origin\r\nsec-fetch-mode: cors\r\nsec-fetch-dest: empty\r\n\
    user-agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n";
const FORM: &str = "application/x-www-form-urlencoded";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// axum and a broadcast channel, nothing else.
    Bare,
    /// nginx with nchan.
    Nchan,
    /// Milepost with accounts.
    Milepost,
}

/// One that runs.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) addr: SocketAddr,
    process: Process,
    /// Milepost's: people, sessions, data.
    house: Option<House>,
    _folder: TempDir,
}

impl Kind {
    /// Those that can run here.
    pub(crate) fn all() -> Vec<Self> {
        let nchan = Path::new(NCHAN).exists() && Command::new("nginx").arg("-v").output().is_ok();
        [Some(Self::Bare), nchan.then_some(Self::Nchan), Some(Self::Milepost)].into_iter().flatten().collect()
    }

    /// What it is called in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum",
            Self::Nchan => "nginx + nchan",
            Self::Milepost => "Milepost",
        }
    }

    /// Starts one that is empty.
    pub(crate) fn start(self) -> Result<Server> {
        match self {
            Self::Bare => bare(),
            Self::Nchan => nchan(),
            Self::Milepost => Server::milepost(House::build(MOST)?, &[]),
        }
    }
}

impl Server {
    /// Milepost on the data of `house`.
    pub(crate) fn milepost(house: House, more: &[&str]) -> Result<Self> {
        Self::milepost_at(house, "127.0.0.1:0", more)
    }

    fn milepost_at(house: House, addr: &str, more: &[&str]) -> Result<Self> {
        let mut command = Command::new(milepost());
        command.args(["serve", "--addr", addr, "--connections", &(MOST + 500).to_string(), "--data-dir"]);
        command.arg(house.data()).args(more);
        let (process, said) = Process::start(&mut command, true)?;
        let addr = said.strip_prefix("listening on http://").with_context(|| format!("the server said: {said}"))?;
        let addr = addr.trim_end_matches('/').parse()?;
        Ok(Self { kind: Kind::Milepost, addr, process, house: Some(house), _folder: tempfile::tempdir()? })
    }

    /// Milepost again, at the address it had, on what it has kept.
    pub(crate) fn again(house: House, addr: SocketAddr) -> Result<Self> {
        Self::milepost_at(house, &addr.to_string(), &[])
    }

    /// Kills it, and answers its house, to be opened again.
    pub(crate) fn kill(mut self) -> Result<House> {
        self.process.kill()?;
        self.house.take().context("only Milepost keeps anything")
    }

    /// What it has cost so far, and holds.
    pub(crate) fn cost(&self) -> Result<Cost> {
        self.process.cost()
    }

    /// What clients do who hear all that is published.
    pub(crate) fn plan(&self, retry: Retry, threads: usize) -> Plan {
        let path = match self.kind {
            Kind::Bare | Kind::Nchan => "/subscribe".to_owned(),
            Kind::Milepost => "/events?topic=messages".to_owned(),
        };
        self.plan_of(retry, threads, move |_| path.clone())
    }

    /// What clients do who each ask for a path of their own.
    pub(crate) fn plan_of(
        &self,
        retry: Retry,
        threads: usize,
        path: impl Fn(usize) -> String + Send + Sync + 'static,
    ) -> Plan {
        let addr = self.addr;
        let cookies = self.house.as_ref().map(House::cookies).unwrap_or_default();
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

    /// The events that a stream is live with.
    pub(crate) const fn live_with(&self) -> &'static [&'static [u8]] {
        match self.kind {
            Kind::Bare | Kind::Nchan => &[],
            Kind::Milepost => &[b"snapshot"],
        }
    }

    /// Whoever publishes to all streams.
    pub(crate) fn publisher(&self) -> Publisher {
        let headers = match &self.house {
            Some(house) => format!("cookie: {}\r\nsec-fetch-site: same-origin\r\n", house.cookies()[0]),
            None => String::new(),
        };
        Publisher { kind: self.kind, post: Post::to(self.addr, headers) }
    }

    /// Calls a server function of Milepost.
    pub(crate) fn call(&self, function: &str, body: &str) -> Result<String> {
        self.publisher().post.send(&format!("/api/{function}"), FORM, body)
    }
}

/// Publishes numbers.
pub(crate) struct Publisher {
    kind: Kind,
    post: Post,
}

/// Bytes of one event on the wire, with its name, its id and the blank line after it: the same for all servers.
pub(crate) const FRAME: usize = 200;

impl Publisher {
    /// What stands before a number that was published, in the data of its event.
    pub(crate) const MARK: &[u8] = b"say ";

    /// Publishes a number, in a text that makes an event of [`FRAME`] bytes.
    pub(crate) fn publish(&mut self, number: u64) -> Result<()> {
        // What else is in the event: `data: ` and two line breaks, or Milepost's name, id and JSON.
        let frame = match self.kind {
            Kind::Bare | Kind::Nchan => 8,
            Kind::Milepost => 141,
        };
        let text = format!("say {number:<7}");
        let text = format!("{text:.<0$}", FRAME - frame);
        match self.kind {
            Kind::Bare | Kind::Nchan => self.post.send("/publish", "text/plain", &text)?,
            Kind::Milepost => {
                let form = format!("to=everyone&text={}", text.replace(' ', "+"));
                self.post.send("/api/send_message", FORM, &form)?
            }
        };
        Ok(())
    }
}

/// The program that is measured: `MILEPOST`, else what `make build` makes.
fn milepost() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/release/milepost");
    std::env::var_os("MILEPOST").map_or_else(built, PathBuf::from)
}

fn bare() -> Result<Server> {
    let (process, said) = Process::start(Command::new(std::env::current_exe()?).arg("bare"), true)?;
    Ok(Server { kind: Kind::Bare, addr: said.parse()?, process, house: None, _folder: tempfile::tempdir()? })
}

/// nginx with as many workers as there are cores, and nchan as its documentation has it, in a folder of its own.
fn nchan() -> Result<Server> {
    let folder = tempfile::tempdir()?;
    // nginx cannot be asked for a free port.
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
    Ok(Server { kind: Kind::Nchan, addr, process, house: None, _folder: folder })
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("errors")).unwrap_or_default()
}
