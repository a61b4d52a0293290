//! Text of the layout.

use std::fmt::Display;

// Sidebar
pub(super) const NEW_JOB: &str = "New job";
pub(super) const SETTINGS: &str = "Settings";
pub(super) const MAIN: &str = "Main";
pub(super) const OVERVIEW: &str = "Overview";
pub(super) const JOBS: &str = "Jobs";
pub(super) const QUEUES: &str = "Queues";
pub(super) const SCHEDULES: &str = "Schedules";
pub(super) const NEED_ATTENTION: &str = " need attention";
pub(super) const CONNECTING: &str = "Connecting";
pub(super) const SIGN_IN: &str = "Sign in";
pub(super) const SIGN_IN_IS_OFF: &str = "Sign-in is off. Anyone who can reach this address has full access.";
pub(super) const ABOUT: &str = "About";
pub(super) const MESSAGES: &str = "Messages";
pub(super) const SIGN_OUT: &str = "Sign out";

// Notices
pub(super) const NEW_VERSION: &str = "New version";
pub(super) const NEW_VERSION_AVAILABLE: &str = "A new version is available.";
pub(super) const RELOAD_TO_UPDATE: &str = " Reload to update.";
pub(super) const RELOAD: &str = "Reload";
pub(super) const LATER: &str = "Later";
pub(super) const NOTICES: &str = "Notices";
pub(super) const UNDO: &str = "Undo";

// Toast list and notices
pub(super) const CLOSE: &str = "Close";
pub(super) const ALL_MESSAGES: &str = "All messages";

// Offline banner
pub(super) const CONNECTION: &str = "Connection";
pub(super) const SAVED_COPY_FROM: &str = "Server unreachable. Showing a saved copy from ";
pub(super) const CONNECTION_LOST_AT: &str = "Connection lost at ";
pub(super) const LAST_KNOWN_STATE: &str = ". Showing the last known state.";
pub(super) const NOT_SENT: &str = "Not sent. Try again when the server is back.";

// Document head
pub(super) fn document_title(title: &dyn Display) -> String {
    format!("{title} · Milepost")
}
