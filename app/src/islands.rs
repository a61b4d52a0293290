//! The parts of pages that wake in the browser. Each is complete in the first HTML.

mod copy_buttons;
mod job_log;
mod link;
mod live_counts;
mod live_forms;
mod live_jobs;
mod local_times;
mod new_folder;
mod new_rows;
mod new_start;
mod new_upload;
mod theme_switch;

pub use copy_buttons::CopyButtons;
pub use job_log::JobLog;
pub use link::LinkStatus;
pub use live_counts::LiveCounts;
pub use live_forms::LiveForms;
pub use live_jobs::LiveJobs;
pub use local_times::LocalTimes;
pub use new_folder::FolderField;
pub use new_rows::{Belongs, NewRows};
pub use new_start::{Slot, StartForm};
pub use new_upload::UploadField;
pub use theme_switch::ThemeSwitch;
