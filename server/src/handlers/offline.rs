//! Offline pages: the service worker and the headers by which it saves pages for when the server is unreachable.

use std::time::Duration;

use app::{context::AppContext, pages::public};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use engine::access::Actor;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{AppState, config::Config, http::assets, middleware::security_headers};

/// The user of a response, as an opaque id. The service worker deletes its saved pages when it changes.
pub(crate) const VISITOR: HeaderName = HeaderName::from_static("milepost-visitor");
/// The id of signed-out users.
pub(crate) const ANONYMOUS: &str = "nobody";
/// The id of everyone on a server without accounts.
const WITHOUT_ACCOUNTS: HeaderValue = HeaderValue::from_static("everybody");

/// How many seconds the page may be kept.
const KEEP_SECONDS: HeaderName = HeaderName::from_static("milepost-keep");
/// Pages that may be saved.
const SAVED_PAGES: [&str; 2] = ["/", "/jobs"];
const MAX_AGE: Duration = Duration::from_hours(24);

/// The id for [`VISITOR`], derived from the session, so that saved pages do not outlive it. Clients save no pages.
pub(crate) fn visitor_id(app: &AppContext) -> Option<HeaderValue> {
    match app.engine.actor() {
        Actor::Local => Some(WITHOUT_ACCOUNTS),
        Actor::User(_) => app.reader_key()?.try_into().ok(),
        Actor::Anonymous | Actor::Client(..) => None,
    }
}

/// Lets the browser save the page at `path` if it is one of [`SAVED_PAGES`], complete and of a known user, for at most
/// the idle time of a session.
pub(crate) fn allow_saving(response: &mut Response, path: &str, config: &Config) {
    let whole = response.status() == StatusCode::OK && response.headers().contains_key(VISITOR);
    if config.kept_pages && whole && SAVED_PAGES.contains(&path) {
        let max_age = if config.no_auth { MAX_AGE } else { MAX_AGE.min(config.sessions.idle) };
        response.headers_mut().insert(KEEP_SECONDS, HeaderValue::from(max_age.as_secs()));
    }
}

/// `GET /service-worker.js`: the service worker; with `--kept-pages false` one that removes all saved pages and itself.
pub(crate) async fn service_worker(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let name = if state.config.kept_pages { "service-worker.js" } else { "service-worker-off.js" };
    worker_script(name, &headers)
}

/// `GET /away.js`: the address of the service worker in earlier releases; this one removes itself. Delete one release
/// later.
pub(crate) async fn old_service_worker(headers: HeaderMap) -> Response {
    worker_script("away.js", &headers)
}

fn worker_script(name: &str, headers: &HeaderMap) -> Response {
    (
        [(header::CONTENT_SECURITY_POLICY, security_headers::SERVICE_WORKER_POLICY)],
        assets::service_worker(name, headers),
    )
        .into_response()
}

/// `GET /offline`: the page that browsers show in place of those they have not kept. The same for all users.
pub(crate) async fn page(State(state): State<AppState>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, security_headers::OFFLINE_PAGE_POLICY),
    ];
    (headers, public::offline_document(state.leptos)).into_response()
}
