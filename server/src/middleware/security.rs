//! The door: who may speak to the server at all, and what browsers may do with its answers.

mod hosts;
mod sender;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use leptos::nonce::use_nonce;

pub(crate) use hosts::Hosts;
pub(crate) use sender::session_cookie;

/// Headers of every answer. A page brings its own, wider content policy. No opener policy: for it a browser starts one
/// more process at the first visit, which takes longer than all else before the first paint.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Not `no-referrer`: forms without script are sent back to where they came from.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// What the pages outside may load: style and pictures. They run no script.
pub(crate) const OUTSIDE: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                                  form-action 'self'; frame-ancestors 'none'";

/// The same for the page that browsers show while the server is away: besides, it asks whether there is a server again.
pub(crate) const AWAY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                               connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the worker may do that shows it: ask this server.
pub(crate) const WORKER: &str = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'";

/// What a page may load: its own files, the scripts that carry this answer's nonce, its own streams.
///
/// To be called while a page is rendered.
pub(crate) fn page_policy(reload_port: Option<u16>) -> HeaderValue {
    let nonce = use_nonce().map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let reload = reload_port.map(|port| format!(" ws://127.0.0.1:{port} ws://localhost:{port}")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'{reload}; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("a nonce is base64")
}

/// Lets a request in only under a name of this server, and from pages of its own where it may change something.
pub(crate) async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let mut response = match admit(&request, &hosts) {
        Ok(()) => next.run(request).await,
        Err((status, reason)) => (status, reason).into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// For streams: they are GETs, which may come from anywhere, but another site must not hold them open.
pub(crate) async fn own_pages_only(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    match sender::may_listen(request.headers(), &hosts) {
        Ok(()) => next.run(request).await,
        Err(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
    }
}

/// Whether a request asks for this server, and may do what it is about to.
fn admit(request: &Request, hosts: &Hosts) -> Result<(), (StatusCode, String)> {
    hosts.admit(request)?;
    match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => sender::may_change(request.headers(), hosts).map_err(|reason| (StatusCode::FORBIDDEN, reason)),
    }
}
