//! HTTP and connections: addresses, proxies, headers, timeouts, limits, event streams.

mod base_path;
mod body_timeout;
mod client_ip;
mod connection_limits;
mod csrf;
mod event_streams;
mod host_header;
mod offline_pages;
mod public_url;
pub(crate) mod routes;
mod security_headers;
