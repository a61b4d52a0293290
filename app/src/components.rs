//! Components that pages and islands share. Markup and classes are those of `style/`.
//!
//! Only the server draws them. What changes is marked with `data-live`, and [`crate::islands::LiveJobs`] updates it
//! with the same functions.

mod form_text;
mod icon;
mod job_row;
mod job_text;
mod log_line;
mod message;
mod metrics;
mod mile_bar;
mod state_badge;
mod state_detail;
mod task_name;
#[cfg(feature = "ssr")]
mod text_area;
mod timestamp;

pub use form_text::{FolderStep, field_error_line, folder_steps, folder_summary, not_started, uploaded_file};
pub use icon::{Icon, kind_icon};
#[cfg(feature = "ssr")]
pub(crate) use job_row::job_json;
pub use job_row::{JobName, JobRow, ProgressCell, TimeCell, blank_job, job_href};
pub use job_text::{JobText, outcome_time};
pub use log_line::{LogRow, jump_to_end, line_count, write_line};
pub use message::{MessageRow, addressed_to, tone_icon};
pub use metrics::{JobCount, Metric, Metrics};
pub use mile_bar::{
    MileBar, MileBarSize, StageNames, is_finishing, progress_value, spoken_progress, stage_names, stage_posts,
};
pub use state_badge::{StateBadge, state_icon};
pub use state_detail::{document_title, state_detail};
pub use task_name::TaskName;
#[cfg(feature = "ssr")]
pub(crate) use text_area::{TextArea, escape_rcdata};
#[cfg(feature = "ssr")]
pub use timestamp::ReaderZone;
pub use timestamp::{JobTimestamp, Timestamp, ago, local_time, localise, write_time};
#[cfg(feature = "ssr")]
pub(crate) use timestamp::{day, instant, whose_zone, zone_name};
