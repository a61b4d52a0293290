//! Health check, `GET /healthz`, for service managers and load balancers.

use std::time::Duration;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use engine::Engine;
use http::{StatusCode, header};
use tokio::time::timeout;

/// Time-out of each part. The writer of the store waits as long for the lock of another process.
const TIMEOUT: Duration = Duration::from_secs(5);

/// `200 ok` if every part of the server responds and the store can be read, else 503 with the names of the others. The
/// reasons are in the log only, because anyone may call this.
pub(crate) async fn healthz(State(engine): State<Engine>) -> Response {
    let reading = async { matches!(timeout(TIMEOUT, engine.store().position()).await, Ok(Ok(_))) };
    let (mut silent, reads) = tokio::join!(engine.health().silent_parts(TIMEOUT), reading);
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
