//! What the log says of requests, at the level `debug`.

use axum::extract::Request;
use tracing::Span;

use crate::middleware::client_ip::ClientAddress;

/// The span of a request. Without the query: links may carry secrets there.
pub(crate) fn span(request: &Request) -> Span {
    let client = request.extensions().get().map(|ClientAddress(client)| tracing::field::display(client));
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path(), client)
}
