//! Requests to the server: blocking, without redirects, each with a time limit.

use std::{
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ureq::{
    Agent, Body, SendBody,
    http::Response,
    tls::{RootCerts, TlsConfig},
};
use wire::{Problem, Status};

use crate::{AGENT, config::Config, token::TokenSource};

/// The time limit of a batch.
const BATCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a response that are read.
const RESPONSE_BYTES: u64 = 1 << 20;

/// The reporting endpoints of a server.
#[derive(Debug)]
pub(crate) struct Api {
    agent: Agent,
    server: String,
    token: Mutex<Option<String>>,
    source: TokenSource,
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: u16,
    /// `Retry-After`.
    pub(crate) retry_after: Option<Duration>,
    /// The header `Date`, for `doctor`.
    pub(crate) date: Option<String>,
    pub(crate) text: String,
}

impl Reply {
    /// Parses the state of a run; nothing if the response is not from a Milepost server.
    pub(crate) fn status(&self) -> Option<Status> {
        serde_json::from_str(&self.text).ok()
    }

    /// Parses an error; an empty one if the response has none.
    pub(crate) fn problem(&self) -> Problem {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Describes an error in a few words.
    pub(crate) fn describe(&self) -> String {
        let detail = self.problem().detail;
        match (self.code, detail.is_empty()) {
            (401, true) => "the token is wrong, expired or revoked (401)".to_owned(),
            (403, true) => "the token may not report this kind (403)".to_owned(),
            (421, true) => "the server does not serve this name; see --public-url (421)".to_owned(),
            (code, true) => format!("the server responded with {code}"),
            (code, false) => format!("{detail} ({code})"),
        }
    }
}

/// The server cannot be reached, or does not respond in time.
#[derive(Debug)]
pub(crate) struct Unreachable(pub(crate) String);

impl Api {
    /// Prepares requests; nothing is sent.
    pub(crate) fn new(config: &Config, server: &str) -> Result<Self, String> {
        let roots = match &config.ca {
            Some(path) => certificates(path)?,
            None => RootCerts::WebPki,
        };
        let mut builder = Agent::config_builder()
            .user_agent(AGENT)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(10)))
            .max_idle_connections_per_host(3)
            .tls_config(TlsConfig::builder().root_certs(roots).build());
        if crate::config::is_loopback(server) {
            builder = builder.proxy(None);
        }
        let token = Mutex::new(config.token.read());
        Ok(Self { agent: builder.build().into(), server: server.to_owned(), token, source: config.token.clone() })
    }

    /// Sends a batch.
    pub(crate) fn batch(&self, kind: &str, run: &str, body: &str) -> Result<Reply, Unreachable> {
        self.post(&format!("/report/{kind}/{run}"), "application/json", body, BATCH_TIMEOUT)
    }

    /// Sends a signal.
    pub(crate) fn post(&self, path: &str, kind: &str, body: &str, timeout: Duration) -> Result<Reply, Unreachable> {
        let mut request =
            self.agent.post(self.url(path)).header("Content-Type", kind).header("Accept", "application/json");
        if let Some(bearer) = self.bearer() {
            request = request.header("Authorization", bearer);
        }
        received(request.config().timeout_global(Some(timeout)).build().send(body))
    }

    /// Reads a resource.
    pub(crate) fn get(&self, path: &str, timeout: Duration) -> Result<Reply, Unreachable> {
        let mut request = self.agent.get(self.url(path)).header("Accept", "application/json");
        if let Some(bearer) = self.bearer() {
            request = request.header("Authorization", bearer);
        }
        received(request.config().timeout_global(Some(timeout)).build().call())
    }

    /// Uploads a file.
    pub(crate) fn put(
        &self,
        path: &str,
        digest: &str,
        file: &fs::File,
        timeout: Duration,
    ) -> Result<Reply, Unreachable> {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let mut request = self
            .agent
            .put(self.url(path))
            .header("Content-Type", "application/octet-stream")
            .header("Content-Digest", digest)
            .header("Content-Length", length)
            .header("Accept", "application/json");
        if let Some(bearer) = self.bearer() {
            request = request.header("Authorization", bearer);
        }
        let mut reader = std::io::Read::take(file, length);
        received(request.config().timeout_global(Some(timeout)).build().send(SendBody::from_reader(&mut reader)))
    }

    /// Reads the token again; returns whether it is another one.
    pub(crate) fn renew_token(&self) -> bool {
        let new = self.source.read();
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = new.is_some() && new != *token;
        if changed {
            *token = new;
        }
        changed
    }

    fn bearer(&self) -> Option<String> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        token.as_ref().map(|token| format!("Bearer {token}"))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/api/v1{path}", self.server)
    }
}

fn received(response: Result<Response<Body>, ureq::Error>) -> Result<Reply, Unreachable> {
    let unreachable = |error: ureq::Error| Unreachable(error.to_string());
    let mut response = response.map_err(unreachable)?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let retry_after = header("retry-after").and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
    let date = header("date");
    let code = response.status().as_u16();
    let text = response.body_mut().with_config().limit(RESPONSE_BYTES).lossy_utf8(true).read_to_string();
    Ok(Reply { code, retry_after, date, text: text.map_err(unreachable)? })
}

fn certificates(path: &Path) -> Result<RootCerts, String> {
    let pem = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let certificates: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(ureq::tls::PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() { Err(format!("{}: no certificate", path.display())) } else { Ok(certificates.into()) }
}
