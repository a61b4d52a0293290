//! Responses that handlers and middleware share: errors as JSON, and redirects.

use app::server_fns::ApiError;
use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};

use crate::credential::bearer_token;

/// The error as status and JSON.
pub(crate) fn error_response(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).expect("ApiError::status answers valid statuses");
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(error)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Whether a browser asks for a page.
pub(crate) fn wants_html(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accepts.contains("text/html") && bearer_token(request.headers()).is_none()
}

/// Redirects with status 303: the browser gets `to` next, whatever its method was.
pub(crate) fn see_other(to: HeaderValue) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
