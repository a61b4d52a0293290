//! The web interface: pages rendered on the server, islands that update them in the browser, and the server functions
//! that their forms call.
//!
//! Rooms, lower ones first; none imports from a later one: `base_path`, `browser`, `session`, `components`, `live`,
//! `enhance`, `islands`, `context`, `forms`, `server_fns`, `layout`, `pages`, `routes`.
#![recursion_limit = "256"]
#![allow(
    unreachable_pub,
    reason = "the macros of islands and server functions write public items beside the exported ones"
)]
#![allow(missing_docs, reason = "not a library: the server and the tests of this crate are its only users")]

pub mod base_path;
mod browser;
pub mod components;
#[cfg(feature = "ssr")]
pub mod context;
pub mod enhance;
#[cfg(feature = "ssr")]
pub mod forms;
pub mod islands;
#[cfg(feature = "ssr")]
pub mod layout;
pub mod live;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod routes;
#[cfg(feature = "ssr")]
pub mod server_fns;
pub mod session;
