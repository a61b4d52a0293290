//! The names under which the server answers.
//!
//! Against DNS rebinding: a site that lets its own name point here must not become "same origin". Nobody else's name is
//! ever answered; a literal address cannot be made to point elsewhere.

use std::net::IpAddr;

use axum::extract::Request;
use http::{StatusCode, header, uri::Authority};
use url::Url;

use crate::config::Config;

/// The names of this server.
#[derive(Debug)]
pub(crate) struct Hosts {
    public: Option<Url>,
    /// Whether every literal address is one.
    addresses: bool,
}

impl Hosts {
    pub(crate) fn of(config: &Config) -> Self {
        let public = config.public_url.clone();
        let addresses = public.is_none() && !config.addr.ip().is_loopback();
        Self { public, addresses }
    }

    /// Lets only requests pass that ask for this server.
    pub(super) fn admit(&self, request: &Request) -> Result<(), (StatusCode, String)> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err((StatusCode::BAD_REQUEST, "The request must carry one Host header.\n".to_owned()));
        };
        let named = Authority::try_from(host.as_bytes()).is_ok_and(|host| self.include(&host));
        if named && request.uri().authority().is_none_or(|authority| self.include(authority)) {
            return Ok(());
        }
        Err((StatusCode::MISDIRECTED_REQUEST, self.refusal()))
    }

    /// Whether `origin`, as browsers write one, is that of the public address.
    pub(super) fn is_public_origin(&self, origin: &str) -> bool {
        self.public.as_ref().is_some_and(|url| url.origin().ascii_serialization().eq_ignore_ascii_case(origin))
    }

    fn include(&self, authority: &Authority) -> bool {
        let name = authority.host();
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name).parse::<IpAddr>();
        // Any port: a forwarded port or a proxy on this machine shows another one.
        let own = name.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| self.addresses || address.is_loopback());
        !authority.as_str().contains('@') && (own || self.is_public(authority))
    }

    fn is_public(&self, authority: &Authority) -> bool {
        let Some(url) = &self.public else { return false };
        let default = if url.scheme() == "https" { 443 } else { 80 };
        let port = match authority.port() {
            Some(port) => port.as_str().parse().ok(),
            None => Some(default),
        };
        url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(authority.host()))
            && port == url.port_or_known_default()
    }

    fn refusal(&self) -> String {
        match &self.public {
            Some(url) => format!(
                "This server answers as {url}, and on its own machine as localhost. Where that address is wrong, start \
                 it with the --public-url that people type.\n"
            ),
            None if self.addresses => "This server answers to addresses such as 192.0.2.1 and as localhost, and knows \
                                       no other name of its own. Start it with --public-url and the address that \
                                       people type.\n"
                .to_owned(),
            None => {
                "This server answers only as localhost, 127.0.0.1 or [::1]. Use one of these names in the address, \
                     or start it with --public-url and the address that people type.\n"
                    .to_owned()
            }
        }
    }
}
