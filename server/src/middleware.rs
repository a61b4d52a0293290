//! Middleware: what happens to every request before and after its handler.

pub(crate) mod auth;
pub(crate) mod body_timeout;
pub mod client_ip;
pub(crate) mod close_on_unread_body;
pub(crate) mod csrf;
pub(crate) mod hosts;
pub(crate) mod security_headers;
pub(crate) mod sessions;
