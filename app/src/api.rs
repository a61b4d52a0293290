//! Server functions: what a page or a script can ask for. Each authorises, calls the engine, maps the error.

mod error;
mod folders;
mod jobs;
mod queues;
mod start;
mod theme;
mod upload;

pub use error::{ApiError, ApiResult};
pub use folders::folders;
pub use jobs::{
    Cancelled, Paused, cancel_job, delete_job, pause_job, pin_job, rerun_job, resume_job, retry_job, start_now,
    unpin_job,
};
pub use queues::{MOST_AT_ONCE, limit_kind, limit_queue, pause_kind, pause_queue, resume_kind, resume_queue};
pub use start::{INPUT_LIMIT, start_job};
pub use theme::set_theme;
pub use upload::Uploaded;
