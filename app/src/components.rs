//! Components that pages and islands share. Markup and classes are those of `style/`.
//!
//! Those that take a [`LiveJob`] follow it in the browser.

mod form_text;
mod icon;
mod job_row;
mod job_text;
mod live_job;
mod log_line;
mod message;
#[cfg(feature = "ssr")]
mod message_row;
mod metrics;
mod mile_bar;
mod state_badge;
mod state_detail;
mod task_name;
#[cfg(feature = "ssr")]
mod text_area;
mod timestamp;
#[cfg(feature = "ssr")]
mod user_name;

pub use form_text::{FolderStep, field_error_line, folder_steps, folder_summary, not_started, uploaded_file};
#[cfg(feature = "ssr")]
pub use icon::CommandIcons;
pub use icon::{Icon, LiveIcon, kind_icon};
pub use job_row::{JobName, JobTableHead, ProgressCell, TimeCell, job_href};
#[cfg(feature = "ssr")]
pub use job_text::reached;
pub use job_text::{JobText, outcome_time};
pub use live_job::{LiveJob, Reactive, reactive};
pub use log_line::{LogRow, jump_to_end, line_count, line_link, write_line};
pub use message::{addressed_to, tone_icon};
#[cfg(feature = "ssr")]
pub use message_row::MessageRow;
pub use metrics::Metrics;
pub use mile_bar::{MileBar, MileBarSize, StageNames};
pub use state_badge::{JobBadge, StateBadge, state_icon};
pub use state_detail::{document_title, state_detail};
pub use task_name::TaskName;
#[cfg(feature = "ssr")]
pub(crate) use text_area::{TextArea, escape_rcdata};
#[cfg(feature = "ssr")]
pub use timestamp::ReaderZone;
pub use timestamp::{
    Countdown, JobTimestamp, Timestamp, ago, local_time, localise, time_until, use_local_zone, write_time,
};
#[cfg(feature = "ssr")]
pub(crate) use timestamp::{day, instant, whose_zone, zone_name};
#[cfg(feature = "ssr")]
pub use user_name::{UserName, UserNames, full_name, initials, shown_name};
