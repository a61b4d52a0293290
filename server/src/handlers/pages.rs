//! Pages: rendered as a whole before the first byte is sent, so that the status is right and no script is needed.

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
    AppState, handlers::offline, http::response::error_response, identity::RequestIdentity,
    middleware::security_headers,
};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The page at the request's address.
pub(crate) async fn page(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    request: Request,
) -> Response {
    // Every page shows jobs in its sidebar, which the token may not allow.
    if let Err(error) = identity.engine.authorise(Action::See) {
        return error_response(&error.into());
    }
    let path = request.uri().path().to_owned();
    let config = Arc::clone(&state.config);
    let query = request.uri().query().unwrap_or_default();
    let Some(form) = state.form_outcomes.take(query, identity.engine.actor()) else {
        let mut response = render(state, request, || ()).await;
        offline::allow_saving(&mut response, &path, &config);
        return response;
    };
    let status = form.outcome.as_ref().err().and_then(|error| StatusCode::from_u16(error.status()).ok());
    let mut response = render(state, request, move || provide_context(form.clone())).await;
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    response
}

/// The page for an unknown address, with status 404.
pub(crate) async fn not_found(State(state): State<AppState>, request: Request) -> Response {
    let mut response = render(state, request, || ()).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The page in place of one that the user may not see.
pub(crate) async fn forbidden(state: AppState, request: Request, error: ApiError) -> Response {
    let mut response = render(state, request, move || provide_context(Forbidden(error.message.clone()))).await;
    *response.status_mut() = StatusCode::FORBIDDEN;
    response
}

/// Renders the page at the address of the request, which [`crate::middleware::auth`] has authorised. `provide` adds to
/// the context of its components.
pub(crate) async fn render(
    state: AppState,
    request: Request,
    provide: impl Fn() + Clone + Send + Sync + 'static,
) -> Response {
    let started = Instant::now();
    let leptos = state.leptos.clone();
    let identity = request.extensions().get::<RequestIdentity>().expect("every route of pages authenticates its users");
    let app = identity.context(&state);
    let visitor_id = offline::visitor_id(&app);
    let context = move || {
        app.clone().provide();
        provide();
        let policy = security_headers::page_policy(state.config.reload_port);
        expect_context::<ResponseOptions>().insert_header(header::CONTENT_SECURITY_POLICY, policy);
    };
    let handler = leptos_axum::render_app_async_with_context(context, move || app::routes::document(leptos.clone()));
    let mut response: Response<Body> = handler(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(visitor_id) = visitor_id {
        headers.insert(offline::VISITOR, visitor_id);
    }
    let timing = format!("total;dur={:.3}", started.elapsed().as_secs_f64() * 1e3);
    headers.insert(SERVER_TIMING, HeaderValue::try_from(timing).expect("digits and ASCII letters"));
    response
}
