//! Request log, at level `debug`.

use axum::extract::Request;
use tracing::Span;

use crate::middleware::client_ip::ClientAddress;

/// The span of a request, without the query, which may contain secrets.
pub(crate) fn span(request: &Request) -> Span {
    let client = request.extensions().get().map(|ClientAddress(client)| tracing::field::display(client));
    tracing::debug_span!("request", method = %request.method(), path = request.uri().path(), client)
}
