//! The parts of pages that wake in the browser. Each is complete in the first HTML, drawn by the server alone:
//! an island has no view and no properties, finds its elements by their marks, and writes into them.

mod copy_buttons;
mod folder_fields;
mod job_log;
mod link;
mod live_counts;
mod live_forms;
mod live_jobs;
mod live_queues;
mod local_times;
mod new_rows;
mod parts;
mod pinned;
mod renewal;
mod start_form;
mod theme_switch;
mod toasts;
mod upload_fields;

use leptos::prelude::Effect;

pub use copy_buttons::CopyButtons;
pub use folder_fields::FolderFields;
pub use job_log::JobLog;
pub use link::LinkStatus;
pub use live_counts::LiveCounts;
pub use live_forms::LiveForms;
pub use live_jobs::LiveJobs;
pub use live_queues::LiveQueues;
pub use local_times::LocalTimes;
pub use new_rows::{Belongs, NewRows};
pub use pinned::PinnedJobs;
pub use renewal::Renewal;
pub use start_form::StartForm;
pub use theme_switch::ThemeSwitch;
pub use toasts::Toasts;
pub use upload_fields::UploadFields;

/// Runs in the browser once the page is there, and never on the server.
fn wake(act: fn()) {
    Effect::new(act);
}
