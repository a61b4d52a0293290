//! Islands: what updates a page in the browser. Each part is complete in the first HTML, drawn by the server alone. An
//! island has no view and no properties: it finds its elements by their `data-` attributes and writes into them.

mod connection_status;
mod copy_buttons;
mod folder_picker;
mod fragments;
mod in_place_forms;
mod job_counts;
mod job_log;
mod live_jobs;
mod live_queues;
mod local_times;
mod new_jobs_link;
mod new_version;
mod offline_notice;
mod pinned_jobs;
mod start_form;
mod theme_switch;
mod toasts;
mod upload_fields;

use leptos::prelude::Effect;

pub use connection_status::ConnectionStatus;
pub use copy_buttons::CopyButtons;
pub use folder_picker::FolderPickers;
pub use in_place_forms::InPlaceForms;
pub use job_counts::JobCounts;
pub use job_log::JobLog;
pub use live_jobs::LiveJobs;
pub use live_queues::LiveQueues;
pub use local_times::LocalTimes;
pub use new_jobs_link::{ListFilter, NewJobsLink};
pub use new_version::NewVersionBanner;
pub use offline_notice::OfflineNotice;
pub use pinned_jobs::PinnedJobs;
pub use start_form::StartForm;
pub use theme_switch::ThemeSwitch;
pub use toasts::Toasts;
pub use upload_fields::UploadFields;

/// Runs `act` once in the browser, when the page is hydrated; never on the server.
fn on_hydrate(act: fn()) {
    Effect::new(act);
}
