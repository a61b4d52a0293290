//! Pages: rendered whole before the first byte leaves, so that the status is true and no script is needed.

use std::{sync::Arc, time::Instant};

use app::{pages::forbidden::Forbidden, server_fns::ApiError};
use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use engine::access::Action;
use http::{HeaderName, HeaderValue, StatusCode, header};
use leptos::prelude::{expect_context, provide_context};
use leptos_axum::ResponseOptions;

use crate::{
    AppState,
    handlers::{api, offline},
    middleware::{auth::Visit, security},
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The page at the request's address.
pub(crate) async fn page(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    request: Request,
) -> Response {
    // Every page shows jobs beside its own matter. A token may be good for that matter alone.
    if let Err(error) = visit.engine.authorise(Action::See) {
        return api::refuse(&error.into());
    }
    let path = request.uri().path().to_owned();
    let config = Arc::clone(&state.config);
    let mut response = render(state, request, || ()).await;
    offline::may_keep(&mut response, &path, &config);
    response
}

/// What is said at an address that nothing lives at. Browsers get a page; the status is 404 for everyone.
pub(crate) async fn not_found(State(state): State<AppState>, request: Request) -> Response {
    let mut response = render(state, request, || ()).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// What is shown in place of a page that its visitor may not see.
pub(crate) async fn forbidden(state: AppState, request: Request, error: ApiError) -> Response {
    let mut response = render(state, request, move || provide_context(Forbidden(error.message.clone()))).await;
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Renders the page at the request's address, to which [`crate::middleware::auth`] has let it in. `provide` adds to what its parts
/// find in their context.
pub(crate) async fn render(
    state: AppState,
    request: Request,
    provide: impl Fn() + Clone + Send + Sync + 'static,
) -> Response {
    let begun = Instant::now();
    let leptos = state.leptos.clone();
    let visit = request.extensions().get::<Visit>().expect("every route of pages admits its visitors");
    let app = state.context(visit);
    let visitor = offline::visitor(&app);
    let context = move || {
        app.clone().provide();
        provide();
        let policy = security::page_policy(state.config.reload_port);
        expect_context::<ResponseOptions>().insert_header(header::CONTENT_SECURITY_POLICY, policy);
    };
    let handler = leptos_axum::render_app_async_with_context(context, move || app::routes::document(leptos.clone()));
    let mut response: Response<Body> = handler(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(visitor) = visitor {
        headers.insert(offline::VISITOR, visitor);
    }
    let timing = format!("total;dur={:.3}", begun.elapsed().as_secs_f64() * 1e3);
    headers.insert(SERVER_TIMING, HeaderValue::try_from(timing).expect("digits and ASCII letters"));
    response
}
