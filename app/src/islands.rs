//! The parts of pages that wake in the browser. Each is complete in the first HTML.

mod jobs_badge;
mod new_folder;
mod new_start;
mod new_upload;
mod places;
mod theme_switch;
mod watching;

pub use jobs_badge::JobsBadge;
pub use new_folder::FolderField;
pub use new_start::{Slot, StartForm};
pub use new_upload::UploadField;
pub use theme_switch::ThemeSwitch;
pub use watching::Watching;
