//! What every page and server function is given.

use std::{net::IpAddr, sync::Arc};

use accounts::Gatekeeper;
use engine::Desk;
use leptos::prelude::use_context;

/// The server's side of the application; provided as a Leptos context for each request.
#[derive(Clone)]
pub struct AppContext {
    /// The job engine, as whoever sent this request may use it.
    pub desk: Desk,
    /// The accounts; `None` on a server that works without.
    pub gatekeeper: Option<Gatekeeper>,
    /// Where the sender is.
    pub address: Option<IpAddr>,
    /// The key of the session that somebody is signed in by.
    pub session: Option<Vec<u8>>,
    /// Names this build; stamps the asset folder and `hello`.
    pub build: Arc<str>,
    /// The largest upload accepted, bytes.
    pub upload_limit: u64,
    /// Set while `cargo leptos watch` serves: the reload socket may connect.
    pub watch: bool,
}

/// The context of this request.
///
/// # Panics
/// Outside a request: a mistake of the program.
pub fn app() -> AppContext {
    use_context().expect("the router provides AppContext for every request")
}
