//! The HTTP server: accept loop, router, shared state, assets, health check and request log.

pub mod assets;
mod health;
pub mod listen;
pub mod router;
pub(crate) mod state;
mod trace;
