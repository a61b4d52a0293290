//! The door: who may speak to the server at all, and what browsers may do with its answers.

mod hosts;

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use leptos::nonce::use_nonce;
use tower_http::csrf::ProtectionError;

pub(crate) use hosts::Hosts;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

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

/// What a page may load: its own files, the scripts that carry this answer's nonce, its own streams.
///
/// To be called while a page is rendered.
pub(crate) fn page_policy(reload_port: Option<u16>) -> HeaderValue {
    let nonce = use_nonce().map(|nonce| format!(" 'nonce-{nonce}'")).unwrap_or_default();
    let reload = reload_port.map(|port| format!(" ws://127.0.0.1:{port} ws://localhost:{port}")).unwrap_or_default();
    let policy = format!(
        "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'{reload}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("a nonce is base64")
}

/// Lets a request in only under a name of this server, and only from pages of its own.
pub(crate) async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let mut response = match hosts.admit(&request) {
        Ok(()) => next.run(request).await,
        Err((status, reason)) => (status, reason).into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// For streams: they are GETs, which the cross-origin check lets pass, but another site must not hold them open.
pub(crate) async fn own_pages_only(request: Request, next: Next) -> Response {
    if is_cross_site(request.headers()) {
        return (StatusCode::FORBIDDEN, "Another site may not listen to this server's events.\n").into_response();
    }
    next.run(request).await
}

/// Whether a browser says that another site's page sent this.
fn is_cross_site(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        Some(b"same-origin" | b"none") => false,
        Some(_) => true,
        // A browser without that header: the origin must be the host that was asked, whatever the scheme (a proxy on
        // this machine may speak TLS).
        None => headers.get(header::ORIGIN).map(HeaderValue::as_bytes).is_some_and(|origin| {
            let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
            let authority = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
            authority.is_none() || authority != host
        }),
    }
}

/// What a forged request is told.
pub(crate) fn forged(_: ProtectionError) -> Response {
    (StatusCode::FORBIDDEN, "Another site sent this request; only pages of this server may change anything.\n")
        .into_response()
}
