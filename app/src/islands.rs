//! The parts of pages that wake in the browser. Each is complete in the first HTML.

mod count_of;
mod jobs_badge;
mod link;
mod live_row;
mod new_folder;
mod new_rows;
mod new_start;
mod new_upload;
mod places;
mod running_now;
mod theme_switch;
mod watching;

pub use count_of::CountOf;
pub use jobs_badge::JobsBadge;
pub use link::LinkStatus;
pub use live_row::{LiveGoing, LiveTiming};
pub use new_folder::FolderField;
pub use new_rows::{Belongs, NewRows};
pub use new_start::{Slot, StartForm};
pub use new_upload::UploadField;
pub use running_now::RunningNow;
pub use theme_switch::ThemeSwitch;
pub use watching::Watching;
