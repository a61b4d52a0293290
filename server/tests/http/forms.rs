//! Forms, uploads and server functions.

mod new_job;
mod server_functions;
pub(crate) mod uploads;
