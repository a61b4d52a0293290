//! What every page and server function is given.

use std::sync::Arc;

use engine::Engine;
use leptos::prelude::use_context;

/// The server's side of the application; provided as a Leptos context for each request.
#[derive(Clone)]
pub struct AppContext {
    /// The job engine.
    pub engine: Engine,
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
