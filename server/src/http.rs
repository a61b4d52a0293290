//! The HTTP server: accept loop, router, shared state, assets, health check and request log.

pub mod assets;
pub(crate) mod chunk_pool;
pub(crate) mod form_outcomes;
pub(crate) mod form_pages;
mod health;
pub mod listen;
pub(crate) mod problem;
pub(crate) mod response;
pub mod router;
pub(crate) mod state;
mod trace;
