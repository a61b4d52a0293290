//! Host header check, against DNS rebinding.
//!
//! A site whose name points to this server must not become "same origin". The server answers only to its own names; a
//! literal address cannot point elsewhere.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header, uri::Authority};
use url::Url;

use crate::config::Config;

/// Rejects a request whose `Host` is not a name of this server.
pub(crate) async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    match hosts.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The names of this server.
#[derive(Debug)]
pub(crate) struct Hosts {
    public: Option<Url>,
    /// Accepts every literal address.
    any_address: bool,
}

impl Hosts {
    pub(crate) fn new(config: &Config) -> Self {
        let public = config.public_url.clone();
        let any_address = public.is_none() && !config.addr.ip().is_loopback();
        Self { public, any_address }
    }

    /// Status and text of the refusal, if the request is for another host.
    fn check(&self, request: &Request) -> Result<(), (StatusCode, String)> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err((StatusCode::BAD_REQUEST, "The request must carry one Host header.\n".to_owned()));
        };
        let named = Authority::try_from(host.as_bytes()).is_ok_and(|host| self.contain(&host));
        if named && request.uri().authority().is_none_or(|authority| self.contain(authority)) {
            return Ok(());
        }
        Err((StatusCode::MISDIRECTED_REQUEST, self.misdirected()))
    }

    /// Whether `origin`, as browsers write one, is that of the public address.
    pub(super) fn is_public_origin(&self, origin: &str) -> bool {
        self.public.as_ref().is_some_and(|url| url.origin().ascii_serialization().eq_ignore_ascii_case(origin))
    }

    fn contain(&self, authority: &Authority) -> bool {
        let name = authority.host();
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name).parse::<IpAddr>();
        // Any port: a forwarded port or a proxy on this machine shows another one.
        let own = name.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| self.any_address || address.is_loopback());
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

    fn misdirected(&self) -> String {
        match &self.public {
            Some(url) => format!(
                "This server answers as {url}, and on its own machine as localhost. Where that address is wrong, start \
                 it with the --public-url that people type.\n"
            ),
            None if self.any_address => {
                "This server answers to addresses such as 192.0.2.1 and as localhost, and knows \
                                       no other name of its own. Start it with --public-url and the address that \
                                       people type.\n"
                    .to_owned()
            }
            None => {
                "This server answers only as localhost, 127.0.0.1 or [::1]. Use one of these names in the address, \
                     or start it with --public-url and the address that people type.\n"
                    .to_owned()
            }
        }
    }
}
