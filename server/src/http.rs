//! The HTTP server: router, shared state, assets, health check and request log.

pub mod assets;
mod health;
pub mod router;
pub(crate) mod state;
mod trace;
