//! Who sent a request: a page of this server, another site's page, or no browser at all.
//!
//! Browsers say so in `Sec-Fetch-Site`; on plain HTTP beyond this machine only in `Origin`, with whatever may change
//! something or reads across sites. A page can write neither.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::Hosts;
use crate::middleware::auth::bearer;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the names of all session cookies begin with, after their prefix.
const SESSION_COOKIE: &str = "milepost_session";

/// The name of the cookie that holds a session, for a server below `base`, if that is not empty. With its prefix a browser
/// takes it by TLS alone; that it comes from this very host can be demanded only of a cookie for the whole host. Below a
/// base path the name tells the path, so that no cookie of a server above or beside is taken for it.
pub(crate) fn session_cookie(secure: bool, base: &str) -> String {
    let prefix = match (secure, base) {
        (false, _) => "",
        (true, "") => "__Host-",
        (true, _) => "__Secure-",
    };
    format!("{prefix}{SESSION_COOKIE}{}", base.replace('/', "."))
}

/// Whether a request may change something; if not, why.
///
/// One with a bearer token may: no page can make a browser send it unasked. One that tells nothing of its sender is a
/// script's, unless it brings a session: that, browsers send for whoever asks.
pub(super) fn may_change(headers: &HeaderMap, hosts: &Hosts) -> Result<(), String> {
    if bearer(headers).is_some() {
        return Ok(());
    }
    match sender(headers, hosts) {
        Sender::Other(why) => Err(format!(
            "Another site sent this request ({why}); only pages of this server may change anything. Where this is its \
             own page behind a proxy, start the server with --public-url and the address that people type.\n"
        )),
        Sender::Untold if has_session(headers) => Err(
            "This request carries a session cookie, but neither Sec-Fetch-Site nor Origin: nothing tells that a page of \
             this server sent it. Send Origin with the server's address, or leave the cookie out.\n"
                .to_owned(),
        ),
        Sender::Own | Sender::Untold => Ok(()),
    }
}

/// Whether a request may hold a stream open; if not, why. A page's own request for one may come without a word on who
/// sent it; another site's cannot be read there without `Origin`.
pub(super) fn may_listen(headers: &HeaderMap, hosts: &Hosts) -> Result<(), String> {
    match sender(headers, hosts) {
        Sender::Other(why) if bearer(headers).is_none() => {
            Err(format!("Another site may not listen to this server's events ({why}).\n"))
        }
        Sender::Other(_) | Sender::Own | Sender::Untold => Ok(()),
    }
}

enum Sender {
    /// A page of this server, or the person at the browser's own controls.
    Own,
    /// Another site's page, and what tells so.
    Other(String),
    /// Nothing tells.
    Untold,
}

fn sender(headers: &HeaderMap, hosts: &Hosts) -> Sender {
    let own_site = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    let own_origin = |origin: &HeaderValue| is_own_origin(origin, headers, hosts);
    told(headers, SEC_FETCH_SITE, own_site)
        .or_else(|| told(headers, header::ORIGIN, own_origin))
        .unwrap_or(Sender::Untold)
}

/// What a header tells, where there is one. Several must all be good.
fn told(headers: &HeaderMap, name: HeaderName, own: impl Fn(&HeaderValue) -> bool) -> Option<Sender> {
    headers.get(&name)?;
    let other = headers.get_all(&name).iter().find(|value| !own(value));
    Some(
        other.map_or(Sender::Own, |value| {
            Sender::Other(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        }),
    )
}

/// The host that was asked, whatever the scheme: a proxy may speak TLS. Or the public address: a proxy may ask by
/// another name.
fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap, hosts: &Hosts) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let asked = authority.zip(host).is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
    asked || hosts.is_public_origin(origin)
}

/// Of any name: a server that has changed its address since is none the safer.
fn has_session(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.any(|pair| {
        let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        let bare = [&b"__Host-"[..], b"__Secure-"].into_iter().find_map(|prefix| name.strip_prefix(prefix));
        bare.unwrap_or(name).starts_with(SESSION_COOKIE.as_bytes())
    })
}
