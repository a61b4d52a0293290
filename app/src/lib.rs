//! Milepost's web side: pages rendered on the server, islands that wake in the browser, server functions between them.
#![recursion_limit = "256"]

pub mod api;
#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
pub mod flash;
pub mod islands;
pub mod live;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod ui;
