//! `GET /about/licences.txt`: the licences of the dependencies.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::release;

pub(crate) async fn licences() -> Response {
    match release::LICENCES {
        Some(text) => ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response(),
        None => {
            (StatusCode::NOT_FOUND, "This build does not contain the licences of its dependencies.\n").into_response()
        }
    }
}
