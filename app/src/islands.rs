//! Islands: views that server and browser draw from the same source. An island's properties are what the server drew it
//! with; from then on it follows its signals.

mod connection_status;
mod job_counts;
mod job_list;
mod job_progress;
mod job_row;
mod local_times;
mod new_version;
mod offline_notice;
mod running_jobs;
mod sidebar_jobs;
mod text;
mod theme_switch;
mod toasts;

use leptos::prelude::Effect;

pub use connection_status::ConnectionStatus;
pub use job_counts::{JobCount, JobsBadge};
pub use job_list::{EmptyText, JobList, ListFilter, PageLink};
pub use job_progress::{JobPill, JobProgress};
pub use job_row::{JobActions, RowActions, RowRights};
pub use local_times::LocalTimes;
pub use new_version::NewVersionBanner;
pub use offline_notice::OfflineNotice;
pub use running_jobs::RunningJobs;
pub use sidebar_jobs::SidebarJobs;
pub use theme_switch::ThemeSwitch;
pub use toasts::Toasts;

/// Runs `act` once in the browser, when the page is hydrated; never on the server.
fn on_hydrate(act: impl Fn() + 'static) {
    let act: Box<dyn Fn()> = Box::new(act);
    Effect::new(act);
}
