//! Forms on the server: what was typed, what it means, and what is wrong with it. Shared by pages and server functions.

mod draft;
pub mod schedule_plan;
pub mod start_options;
mod uploaded;

pub use draft::Draft;
pub use uploaded::Uploaded;
