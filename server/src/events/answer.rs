//! Answers around the stream.

use std::sync::Arc;

use app::server_fns::ApiError;
use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};

use super::body::StreamBody;
use crate::hub::Form;
use crate::listen::Lasting;

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The request is at fault, and says so.
    Request(ApiError),
    /// The client has heard everything there will be.
    Over,
    /// Not now; perhaps after so many seconds.
    Later(ApiError, u64),
}

impl Refusal {
    pub(super) fn malformed(field: &str, message: String) -> Self {
        Self::Request(ApiError::in_field("malformed", field, message))
    }

    pub(super) fn respond(self) -> Response {
        match self {
            Self::Request(error) => refuse(error),
            Self::Over => empty(StatusCode::NO_CONTENT),
            Self::Later(error, seconds) => {
                ([(header::RETRY_AFTER, seconds.to_string())], refuse(error)).into_response()
            }
        }
    }
}

fn refuse(error: ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, NO_STORE, Json(error)).into_response()
}

impl From<engine::Error> for Refusal {
    fn from(error: engine::Error) -> Self {
        Self::Request(error.into())
    }
}

impl From<Arc<engine::Error>> for Refusal {
    /// An error that several have met: what it was, where that says what to do.
    fn from(error: Arc<engine::Error>) -> Self {
        Self::Request(match *error {
            engine::Error::Busy => engine::Error::Busy.into(),
            ref error => {
                tracing::error!(%error, "cannot read what a stream shows");
                ApiError::new("internal", "Internal error. The server log has the details.")
            }
        })
    }
}

const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A status that says it all.
pub(super) fn empty(status: StatusCode) -> Response {
    (status, NO_STORE).into_response()
}

/// The stream.
pub(super) fn stream(form: Form, body: StreamBody) -> Response {
    let (lasting, body) = Lasting::new(body);
    let mut response = of(form, body);
    response.extensions_mut().insert(lasting);
    response
}

/// All that there is to say, at once.
pub(super) fn whole(form: Form, bytes: Bytes) -> Response {
    of(form, Body::from(bytes))
}

/// The headers ask whatever stands between to pass every byte on at once.
fn of(form: Form, body: Body) -> Response {
    let kind = match form {
        Form::Sse => "text/event-stream",
        Form::Lines => "application/x-ndjson",
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
        (header::VARY, HeaderValue::from_static("accept")),
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body).into_response()
}
