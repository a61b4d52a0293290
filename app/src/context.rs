//! What every page and server function is given.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    sync::Arc,
};

use accounts::AuthService;
use engine::Desk;
use jiff::tz::TimeZone;
use leptos::prelude::{provide_context, use_context};
use model::Seq;

use crate::{base_path::url, components::ReaderZone};

/// The server's side of the application; provided as a Leptos context for each request.
#[derive(Clone)]
pub struct AppContext {
    /// The job engine, as whoever sent this request may use it.
    pub desk: Desk,
    /// The accounts; `None` on a server that works without.
    pub auth: Option<AuthService>,
    /// Where the sender is.
    pub address: Option<IpAddr>,
    /// The key of the session that somebody is signed in by.
    pub session: Option<Vec<u8>>,
    /// The time zone that the sender has chosen; the server's where there is none.
    pub zone: Option<TimeZone>,
    /// Scheme and host of the address that people know the server by; `None` where it was not told.
    pub origin: Option<Arc<str>>,
    /// To how many event streams a message was sent.
    pub receivers: Arc<dyn Fn(Seq) -> usize + Send + Sync>,
    /// Names this build; stamps the asset folder and `hello`.
    pub build: Arc<str>,
    /// Whether browsers may keep pages for when the server is away.
    pub kept_pages: bool,
    /// The largest upload accepted, bytes.
    pub upload_limit: u64,
    /// Set while `cargo leptos watch` serves: the reload socket may connect.
    pub watch: bool,
}

impl AppContext {
    /// Makes it the context of what is rendered or called now.
    pub fn provide(self) {
        if let Some(zone) = &self.zone {
            provide_context(ReaderZone(zone.clone()));
        }
        provide_context(self);
    }

    /// Names who reads the page, and by which session, without telling it: pages of one browser share their stream, and are
    /// kept for when the server is away, only where this is the same. `None` on a server that works without accounts.
    pub fn reader_key(&self) -> Option<String> {
        let who = self.desk.actor().who()?;
        let mut name = DefaultHasher::new();
        (&self.session, who.user.0, who.role.as_str()).hash(&mut name);
        Some(format!("{:016x}", name.finish()))
    }

    /// An absolute link to `path`, for people to be told outside of a page: below the public address, else below the one
    /// that this request was sent to.
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

/// The context of this request.
///
/// # Panics
/// Outside a request: a mistake of the program.
pub fn app() -> AppContext {
    use_context().expect("the router provides AppContext for every request")
}
