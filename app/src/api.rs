//! Server functions: what a page or a script can ask for. Each authorises, calls the engine, maps the error.

mod error;

pub use error::{ApiError, ApiResult};
