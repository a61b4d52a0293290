//! The parts of pages that wake in the browser. Each is complete in the first HTML.

mod jobs_badge;
mod places;
mod theme_switch;
mod watching;

pub use jobs_badge::JobsBadge;
pub use theme_switch::ThemeSwitch;
pub use watching::Watching;
