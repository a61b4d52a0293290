//! `GET /healthz`: for whoever starts the server and waits for it.

use axum::extract::State;
use engine::Engine;
use http::StatusCode;

/// `200 ok` once the store answers. Why it does not is for the log: strangers ask here too.
pub(crate) async fn healthz(State(engine): State<Engine>) -> Result<&'static str, (StatusCode, &'static str)> {
    match engine.store().position().await {
        Ok(_) => Ok("ok\n"),
        Err(error) => {
            tracing::error!(%error, "asked how it is, the store does not answer");
            Err((StatusCode::SERVICE_UNAVAILABLE, "The store does not answer. The server's log says why.\n"))
        }
    }
}
