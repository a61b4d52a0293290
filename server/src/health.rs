//! `GET /healthz`: for whoever starts the server and waits for it.

use axum::extract::State;
use engine::Engine;
use http::StatusCode;

/// `200 ok` once the store answers.
pub(crate) async fn healthz(State(engine): State<Engine>) -> Result<&'static str, (StatusCode, String)> {
    match engine.store().position().await {
        Ok(_) => Ok("ok\n"),
        Err(error) => Err((StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n"))),
    }
}
