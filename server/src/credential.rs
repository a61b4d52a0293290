//! The credential of a request: the session or token by which its user is authenticated.

use std::sync::Arc;

#[derive(Clone)]
pub(crate) enum Credential {
    /// Signed out, or a server without accounts.
    None,
    /// A session, by its key.
    Session([u8; 32]),
    /// A token, in plain text.
    Token(Arc<str>),
}
