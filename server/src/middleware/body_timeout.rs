//! Requests whose body stops coming.

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

/// Ends a request whose body says nothing for `patience` while it is waited for; one that comes slowly may take as long
/// as it likes. Whatever its handler makes of a body that breaks off, the client is told why.
pub(crate) async fn end(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let stalled = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&stalled);
    let watched = request.map(|body| {
        Body::new(TimeoutBody::new(patience, body).map_err(move |error| {
            noticed.fetch_or(error.is::<TimeoutError>(), Ordering::Relaxed);
            error
        }))
    });
    let response = next.run(watched).await;
    if stalled.load(Ordering::Relaxed) {
        return (StatusCode::REQUEST_TIMEOUT, "The rest of the request did not come in time.\n").into_response();
    }
    response
}
