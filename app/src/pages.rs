//! Pages: one module a page, rendered on the server. The text of a page is in its `text` module.

pub mod about;
pub mod forbidden;
pub mod job;
pub mod jobs;
pub mod messages;
pub mod new_job;
pub mod not_found;
pub mod overview;
pub mod public;
pub mod queues;
pub mod schedules;
pub mod settings;
mod shared;
mod text;
pub(crate) mod unreadable;
