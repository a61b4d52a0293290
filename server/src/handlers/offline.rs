//! What browsers may keep of the pages, to show it while the server is away: see `public/service-worker.js`, which does that.

use std::time::Duration;

use app::{context::AppContext, pages::public};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use engine::access::Actor;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{AppState, config::Config, http::assets, middleware::security};

/// Whose page an answer is. A browser that is told of another visitor forgets what it has kept.
pub(crate) const VISITOR: HeaderName = HeaderName::from_static("milepost-visitor");
/// Whose the pages outside are.
pub(crate) const NOBODY: &str = "nobody";
/// Whose all pages are where there are no accounts.
const EVERYBODY: HeaderValue = HeaderValue::from_static("everybody");

/// That a page may be kept, and for how many seconds.
const KEEP: HeaderName = HeaderName::from_static("milepost-keep");
/// The pages that may be.
const KEPT: [&str; 2] = ["/", "/jobs"];
/// No page is kept for longer.
const LONGEST: Duration = Duration::from_hours(24);

/// Names a visitor for [`VISITOR`]: by their session, so that nothing outlives it. A program keeps no pages.
pub(crate) fn visitor(app: &AppContext) -> Option<HeaderValue> {
    match app.engine.actor() {
        Actor::Local => Some(EVERYBODY),
        Actor::User(_) => app.reader_key()?.try_into().ok(),
        Actor::Anonymous | Actor::Client(..) => None,
    }
}

/// Lets the browser keep the page at `path`, if it is one of those: whole, and for whom it names, but for no longer than
/// a session lasts that is not used.
pub(crate) fn may_keep(response: &mut Response, path: &str, config: &Config) {
    let whole = response.status() == StatusCode::OK && response.headers().contains_key(VISITOR);
    if config.kept_pages && whole && KEPT.contains(&path) {
        let longest = if config.no_auth { LONGEST } else { LONGEST.min(config.sessions.idle) };
        response.headers_mut().insert(KEEP, HeaderValue::from(longest.as_secs()));
    }
}

/// `GET /service-worker.js`: the service worker; with `--kept-pages false` one that removes all saved pages and itself.
pub(crate) async fn worker(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let name = if state.config.kept_pages { "service-worker.js" } else { "service-worker-off.js" };
    worker_script(name, &headers)
}

/// `GET /away.js`: the address of the service worker in earlier releases; this one removes itself. Delete one release later.
pub(crate) async fn old_worker(headers: HeaderMap) -> Response {
    worker_script("away.js", &headers)
}

fn worker_script(name: &str, headers: &HeaderMap) -> Response {
    ([(header::CONTENT_SECURITY_POLICY, security::WORKER)], assets::worker(name, headers)).into_response()
}

/// `GET /offline`: the page that browsers show in place of those they have not kept. The same for everybody.
pub(crate) async fn page(State(state): State<AppState>) -> Response {
    let told = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, security::AWAY),
    ];
    (told, public::offline_document(state.leptos)).into_response()
}
