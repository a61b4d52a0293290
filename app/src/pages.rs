//! The pages, rendered on the server.

pub mod job;
pub mod jobs;
pub mod new;
pub mod not_found;
pub mod overview;
