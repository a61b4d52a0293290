//! Middleware: what happens to every request before and after its handler.

pub(crate) mod auth;
pub(crate) mod body_timeout;
pub mod client_ip;
pub(crate) mod close_on_unread_body;
pub(crate) mod security;
pub(crate) mod sessions;
