//! Responses of the event stream and the long poll, with headers that forbid buffering, and rejections.

use std::sync::Arc;

use app::server_fns::ApiError;
use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use streaming_response::StreamingBody;

use super::{body::StreamBody, encoding::Encoding};

/// Why a request is not answered with a stream.
#[derive(Debug)]
pub(super) enum Rejection {
    /// The request is invalid, or reading failed.
    Error(ApiError),
    /// The client has received everything there will be (204).
    Ended,
    /// Retry after this number of seconds.
    RetryAfter(ApiError, u64),
}

impl Rejection {
    pub(super) fn malformed(field: &str, message: String) -> Self {
        Self::Error(ApiError::in_field("malformed", field, message))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => json(error),
            Self::Ended => empty(StatusCode::NO_CONTENT),
            Self::RetryAfter(error, seconds) => {
                ([(header::RETRY_AFTER, seconds.to_string())], json(error)).into_response()
            }
        }
    }
}

fn json(error: ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, NO_STORE, Json(error)).into_response()
}

impl From<engine::Error> for Rejection {
    fn from(error: engine::Error) -> Self {
        Self::Error(error.into())
    }
}

impl From<Arc<engine::Error>> for Rejection {
    /// An error of a shared read, which cannot be moved out.
    fn from(error: Arc<engine::Error>) -> Self {
        Self::Error(match *error {
            engine::Error::Busy => engine::Error::Busy.into(),
            ref error => {
                tracing::error!(%error, "cannot read a snapshot for an event stream");
                ApiError::new("internal", "Internal error. The server log has the details.")
            }
        })
    }
}

const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A response without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    (status, NO_STORE).into_response()
}

/// A response that is sent as events come.
pub(super) fn stream(encoding: Encoding, body: StreamBody) -> Response {
    let (streaming, fallback) = StreamingBody::new(body);
    let mut response = with_headers(encoding, Body::new(fallback));
    response.extensions_mut().insert(streaming);
    response
}

/// A complete response.
pub(super) fn complete(encoding: Encoding, bytes: Bytes) -> Response {
    with_headers(encoding, Body::from(bytes))
}

/// Proxies are asked to pass every byte on at once.
fn with_headers(encoding: Encoding, body: Body) -> Response {
    let content_type = match encoding {
        Encoding::Sse => "text/event-stream",
        Encoding::Ndjson => "application/x-ndjson",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (header::VARY, HeaderValue::from_static("accept")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body).into_response()
}
