//! Text of the settings pages.

use std::fmt::Display;

// Settings
pub(super) const PROFILE: &str = "Profile";
pub(super) const USERS: &str = "Users";
pub(super) const TASKS: &str = "Tasks";
pub(super) const AUDIT_LOG: &str = "Audit log";
pub(super) const SETTINGS: &str = "Settings";
pub(super) const ABOUT: &str = "About";

// Shared
pub(super) const COPY: &str = "Copy";
pub(super) const JUST_NOW: &str = "just now";
pub(super) const USER: &str = "User";
pub(super) const PERMISSIONS: &str = "Permissions";
pub(super) const LAST_USED: &str = "Last used";
pub(super) const NEVER: &str = "never";
pub(super) const EXPIRES: &str = "Expires";
pub(super) const REVOKE: &str = "Revoke";
pub(super) const REVOKE_CONSEQUENCES: &str = "Programs that use it are refused at once. This cannot be undone.";
pub(super) const TOKEN: &str = "Token";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const NEVER_ENDS: &str = "Never";
pub(super) const ENDED: &str = "Ended";
pub(super) const WITHIN_A_DAY: &str = "within a day";
pub(super) const IN_1_DAY: &str = "in 1 day";

pub(super) fn confirm_revoke(name: &dyn Display) -> String {
    format!("Revoke token “{name}”?")
}

pub(super) fn minutes_ago(minutes: &dyn Display) -> String {
    format!("{minutes} min ago")
}

pub(super) fn hours_ago(hours: &dyn Display) -> String {
    format!("{hours} h ago")
}

pub(super) fn in_days(days: &dyn Display) -> String {
    format!("in {days} days")
}
