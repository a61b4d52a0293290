//! The credential of a request: the session or token by which its user is authenticated.

use std::sync::Arc;

use http::{HeaderMap, header};

#[derive(Clone)]
pub(crate) enum Credential {
    /// Signed out, or a server without accounts.
    None,
    /// A session, by its key.
    Session([u8; 32]),
    /// A token, in plain text.
    Token(Arc<str>),
}

/// The token of a request (RFC 6750, 2.1). An empty, invalid one if the header cannot be read or there are several:
/// such a request must not fall back to its session, which may have been sent without the intention of the user.
pub(crate) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::AUTHORIZATION);
    let mut tokens = lines.iter().filter_map(|line| {
        let (scheme, secret) = line.as_bytes().split_at_checked("bearer ".len())?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| std::str::from_utf8(secret).unwrap_or_default().trim())
    });
    let token = tokens.next()?;
    Some(if lines.iter().count() == 1 { token } else { "" })
}
