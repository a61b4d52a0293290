//! Answers around the stream.

use app::api::ApiError;
use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::body::StreamBody;

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request is at fault, and says so.
    Request(ApiError),
    /// The client has heard everything there will be.
    Over,
}

impl Refusal {
    pub(super) fn malformed(field: &str, message: String) -> Self {
        Self::Request(ApiError::in_field("malformed", field, message))
    }

    pub(super) fn respond(self) -> Response {
        match self {
            Self::Request(error) => {
                let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                (status, NO_STORE, Json(error)).into_response()
            }
            Self::Over => empty(StatusCode::NO_CONTENT),
        }
    }
}

impl From<engine::Error> for Refusal {
    fn from(error: engine::Error) -> Self {
        Self::Request(error.into())
    }
}

const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A status that says it all.
pub(super) fn empty(status: StatusCode) -> Response {
    (status, NO_STORE).into_response()
}

/// The stream. The headers ask whatever stands between to pass every byte on at once.
pub(super) fn stream(body: StreamBody) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, Body::new(body)).into_response()
}
