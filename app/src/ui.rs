//! Small parts that pages and islands share. Markup and classes are those of `style/`.
//!
//! The server alone draws them. What moves is marked with `data-live`, by which [`crate::islands::LiveJobs`] keeps it
//! true: the same functions say what stands there first and what stands there later.

mod fact;
mod figure;
mod form;
mod icon;
mod kind;
mod log_line;
mod message;
mod milebar;
mod row;
mod state;
mod time;
mod words;

pub use fact::{document_title, fact};
pub use figure::{CountOf, Figure, Figures};
pub use form::{FolderStep, fault_line, file_here, folder_remark, folder_steps, not_started};
pub use icon::{Icon, kind_icon};
pub use kind::KindName;
pub use log_line::{LogRow, jump_to_end, lines, write_line};
pub use message::{MessageRow, addressed, tone_icon};
pub use milebar::{MileBar, MileBarSize, StageNames, finishing, posts, spoken, stage_names, value_of};
#[cfg(feature = "ssr")]
pub(crate) use row::job_json;
pub use row::{Going, JobName, JobRow, Timing, blank, job_href};
pub use state::{StatePill, state_icon};
#[cfg(feature = "ssr")]
pub use time::ReaderZone;
pub use time::{Moment, When, ago, localise, words, write_time};
#[cfg(feature = "ssr")]
pub(crate) use time::{day, instant, whose_zone, zone_name};
pub use words::{Words, left_at};
