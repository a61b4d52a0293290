//! Milepost's web side: pages rendered on the server, islands that wake in the browser, server functions between them.
#![recursion_limit = "256"]
#![allow(
    unreachable_pub,
    reason = "the macros of islands and server functions write public items beside the exported ones"
)]

#[cfg(feature = "ssr")]
pub mod account;
#[cfg(feature = "ssr")]
pub mod api;
pub mod base;
mod browser;
#[cfg(feature = "ssr")]
pub mod context;
#[cfg(feature = "ssr")]
pub mod flash;
pub mod islands;
pub mod live;
#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod pins;
#[cfg(feature = "ssr")]
pub mod sent;
#[cfg(feature = "ssr")]
pub mod shell;
pub mod theme;
pub mod ui;
