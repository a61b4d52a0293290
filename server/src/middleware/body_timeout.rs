//! Body time-out: ends a request whose body stops arriving.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use http_body_util::BodyExt;
use tower_http::timeout::{TimeoutBody, TimeoutError};

/// Ends a request whose body brings nothing for `idle` while the handler waits for it; a slow body may take any time.
/// The response is 408, whatever the handler returned.
pub(crate) async fn limit(State(idle): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let timed_out = Arc::new(AtomicBool::new(false));
    let has_timed_out = Arc::clone(&timed_out);
    let limited = request.map(|body| {
        Body::new(TimeoutBody::new(idle, body).map_err(move |error| {
            has_timed_out.fetch_or(error.is::<TimeoutError>(), Ordering::Relaxed);
            error
        }))
    });
    let response = next.run(limited).await;
    if timed_out.load(Ordering::Relaxed) {
        return (StatusCode::REQUEST_TIMEOUT, "The rest of the request did not come in time.\n").into_response();
    }
    response
}
