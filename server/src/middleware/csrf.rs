//! CSRF protection: only pages of this server may change anything or hold a stream open.
//!
//! Browsers name the origin of a request in `Sec-Fetch-Site`; on plain HTTP beyond this machine only in `Origin`, with
//! requests that change something or read across sites. Pages cannot write either header.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use super::{hosts::Hosts, sessions::SESSION_COOKIE};
use crate::credential::bearer_token;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Rejects requests of other sites that could change something.
pub(crate) async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let checked = match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => check_change(request.headers(), &hosts),
    };
    respond(checked, request, next).await
}

/// Rejects event streams of other sites: they are GETs, but another site must not hold one open.
pub(crate) async fn check_streams(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    respond(check_stream(request.headers(), &hosts), request, next).await
}

async fn respond(checked: Result<(), String>, request: Request, next: Next) -> Response {
    match checked {
        Ok(()) => next.run(request).await,
        Err(reason) => (StatusCode::FORBIDDEN, reason).into_response(),
    }
}

/// Why a request may not change anything, if it may not.
///
/// One with a bearer token may: no page can make a browser send it. One without any origin comes from a program, unless
/// it carries a session cookie: browsers send that for every page.
fn check_change(headers: &HeaderMap, hosts: &Hosts) -> Result<(), String> {
    if bearer_token(headers).is_some() {
        return Ok(());
    }
    match origin_of(headers, hosts) {
        RequestSource::CrossSite(why) => Err(format!(
            "Another site sent this request ({why}); only pages of this server may change anything. Where this is its \
             own page behind a proxy, start the server with --public-url and the address that people type.\n"
        )),
        RequestSource::Unknown if has_session_cookie(headers) => Err(
            "This request carries a session cookie, but neither Sec-Fetch-Site nor Origin: nothing shows that a page of \
             this server sent it. Send Origin with the server's address, or leave the cookie out.\n"
                .to_owned(),
        ),
        RequestSource::SameOrigin | RequestSource::Unknown => Ok(()),
    }
}

/// Why a request may not hold a stream open, if it may not. A page of this server may ask for one without any origin;
/// another site cannot read it without `Origin`.
fn check_stream(headers: &HeaderMap, hosts: &Hosts) -> Result<(), String> {
    match origin_of(headers, hosts) {
        RequestSource::CrossSite(why) if bearer_token(headers).is_none() => {
            Err(format!("Another site may not listen to this server's events ({why}).\n"))
        }
        RequestSource::CrossSite(_) | RequestSource::SameOrigin | RequestSource::Unknown => Ok(()),
    }
}

enum RequestSource {
    /// A page of this server, or the browser's own controls.
    SameOrigin,
    /// A page of another site, with the header that shows it.
    CrossSite(String),
    /// No header names it.
    Unknown,
}

fn origin_of(headers: &HeaderMap, hosts: &Hosts) -> RequestSource {
    let own_site = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    let own_origin = |origin: &HeaderValue| is_own_origin(origin, headers, hosts);
    source_by_header(headers, SEC_FETCH_SITE, own_site)
        .or_else(|| source_by_header(headers, header::ORIGIN, own_origin))
        .unwrap_or(RequestSource::Unknown)
}

/// The origin by one header, if the request has it. Of several values all must be of this server.
fn source_by_header(
    headers: &HeaderMap,
    name: HeaderName,
    own: impl Fn(&HeaderValue) -> bool,
) -> Option<RequestSource> {
    headers.get(&name)?;
    let other = headers.get_all(&name).iter().find(|value| !own(value));
    Some(other.map_or(RequestSource::SameOrigin, |value| {
        RequestSource::CrossSite(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
    }))
}

/// Compares with the host of the request, whatever the scheme, since a proxy may end TLS, and with the public address,
/// since a proxy may use another host name.
fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap, hosts: &Hosts) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_host = authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
    is_host || hosts.is_public_origin(origin)
}

/// A session cookie under any of its names: a server whose address has changed since is not safer.
fn has_session_cookie(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.any(|pair| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        let bare = [&b"__Host-"[..], b"__Secure-"].into_iter().find_map(|prefix| name.strip_prefix(prefix));
        bare.unwrap_or(name).starts_with(SESSION_COOKIE.as_bytes())
    })
}
