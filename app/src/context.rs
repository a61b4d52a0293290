//! Application context: what every page and server function needs.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use accounts::AuthService;
use engine::AuthorizedEngine;
use jiff::tz::TimeZone;
use leptos::prelude::{provide_context, use_context};
use model::Seq;

use crate::{
    base_path::url,
    components::{CommandIcons, ReaderZone, UserNames},
};

/// What the program was built from.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    pub version: &'static str,
    /// The commit and its date, of a release.
    pub commit: Option<(&'static str, &'static str)>,
    /// Whether it contains the licences of its dependencies.
    pub has_licences: bool,
}

/// A Leptos context of each request.
#[derive(Clone)]
pub struct AppContext {
    /// The job engine, authorised as the user who sent this request.
    pub engine: AuthorizedEngine,
    /// `None` if sign-in is off.
    pub auth: Option<AuthService>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The key of the signed-in session.
    pub session: Option<Vec<u8>>,
    /// The time zone that the user chose; `None` for the server's.
    pub zone: Option<TimeZone>,
    /// Scheme and host of the configured public address.
    pub origin: Option<Arc<str>>,
    /// Returns the number of event streams that a message was sent to.
    pub receivers: Arc<dyn Fn(Seq) -> usize + Send + Sync>,
    pub program: Program,
    /// How long the server has run.
    pub uptime: Duration,
    /// Identifies this build: part of asset addresses and of `hello`.
    pub build: Arc<str>,
    /// Whether browsers may save pages for offline use.
    pub kept_pages: bool,
    /// Bytes.
    pub upload_limit: u64,
    /// Set under `cargo leptos watch`: the reload socket may connect.
    pub watch: bool,
}

impl AppContext {
    /// Makes it the context of the current request.
    pub fn provide(self) {
        if let Some(zone) = &self.zone {
            provide_context(ReaderZone(zone.clone()));
        }
        if let Some(auth) = &self.auth {
            provide_context(UserNames(auth.accounts()));
        }
        let engine = self.engine.clone();
        provide_context(CommandIcons(Arc::new(move |kind| engine.task(kind)?.icon)));
        provide_context(self);
    }

    /// A hash of session, user and role. Tabs share a stream, and see each other's saved pages, only if it is the same.
    /// `None` if sign-in is off.
    pub fn reader_key(&self) -> Option<String> {
        let who = self.engine.actor().principal()?;
        let mut name = DefaultHasher::new();
        (&self.session, who.user.0, who.role.as_str()).hash(&mut name);
        Some(format!("{:016x}", name.finish()))
    }

    /// The name of the time zone that the user chose, otherwise of the server's.
    pub(crate) fn zone_name(&self) -> String {
        let zone = self.zone.clone().unwrap_or_else(TimeZone::system);
        zone.iana_name().unwrap_or("UTC").to_owned()
    }

    /// Returns an absolute address of `path`, for use outside of a page: below the public address, otherwise below the
    /// host of this request.
    pub(crate) fn link(&self, path: &str) -> String {
        let asked = || {
            let parts = use_context::<http::request::Parts>()?;
            let host = parts.headers.get(http::header::HOST)?.to_str().ok()?;
            Some(format!("http://{host}"))
        };
        let origin = self.origin.as_deref().map(str::to_owned).or_else(asked).unwrap_or_default();
        format!("{origin}{}", url(path))
    }
}

/// Returns the context of this request.
///
/// # Panics
/// Outside of a request.
pub fn app() -> AppContext {
    use_context().expect("the router provides AppContext for every request")
}
