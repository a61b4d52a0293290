//! `GET /healthz`, the health check of service managers and load balancers.

use std::time::Duration;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use engine::Engine;
use http::{StatusCode, header};
use tokio::time::timeout;

/// How long a part may take to answer. The store's writer waits as long for the lock of another process.
const WITHIN: Duration = Duration::from_secs(5);

/// `200 ok` where every part of the server gives a sign of life and the store can be read; else 503 with the names of
/// those that do not. Why is for the log: strangers ask here too.
pub(crate) async fn healthz(State(engine): State<Engine>) -> Response {
    let reading = async { matches!(timeout(WITHIN, engine.store().position()).await, Ok(Ok(_))) };
    let (mut silent, reads) = tokio::join!(engine.health().silent_parts(WITHIN), reading);
    if !reads {
        silent.push("store readers");
    }
    if silent.is_empty() {
        return ([(header::CACHE_CONTROL, "no-store")], "ok\n").into_response();
    }
    let names = silent.join(", ");
    tracing::error!(parts = names, "no sign of life");
    (StatusCode::SERVICE_UNAVAILABLE, format!("No sign of life: {names}. The server log may have the details.\n"))
        .into_response()
}
