//! Text of the users page.

use std::fmt::Display;

// Users
pub(super) const LINK: &str = "Link";
pub(super) const USERS: &str = "Users";
pub(super) const NAME: &str = "Name";
pub(super) const STATE: &str = "State";
pub(super) const ROLE: &str = "Role";
pub(super) const LAST_SEEN: &str = "Last seen";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const NO_TOKENS: &str = "No tokens. Users create them in their profile.";
pub(super) const ALL_API_TOKENS: &str = "All API tokens";
pub(super) const VIEWERS_CAN: &str = "can view and download.";
pub(super) const OPERATORS_CAN: &str = "can also run, cancel and retry jobs.";
pub(super) const ADMINISTRATORS_CAN: &str = "also manage users, tasks and queues.";

// Questions
pub(super) const SIGN_OUT_CONSEQUENCES: &str = "All of their sessions end. Tokens stay valid.";
pub(super) const REMOVAL_CONSEQUENCES: &str =
    "Sessions, invites and tokens are revoked. Jobs and audit log are kept. The name cannot be reused.";
pub(super) const CANCEL: &str = "Cancel";
pub(super) const REMOVE: &str = "Remove";

pub(super) fn confirm_sign_out(name: &dyn Display) -> String {
    format!("Sign out {name} everywhere?")
}

pub(super) fn confirm_removal(name: &dyn Display) -> String {
    format!("Remove {name}?")
}

// Rename
pub(super) const DISPLAY_NAME: &str = "Display name";
pub(super) const DISPLAY_NAME_HELP: &str = "Leave empty for the name to sign in with.";
pub(super) const NOT_CHANGED: &str = "Not changed";

pub(super) fn display_name_of(name: &dyn Display) -> String {
    format!("Display name of {name}")
}

// Add
pub(super) const NAME_HELP: &str = "Lowercase letters, digits and . _ - @. Cannot be changed later.";
pub(super) const ADD_A_USER: &str = "Add a user";
pub(super) const NOT_ADDED: &str = "Not added";
pub(super) const ADD: &str = "Add";
pub(super) const CREATES_AN_INVITE_LINK: &str = "Creates an invite link.";

// Row
pub(super) const REMOVED: &str = "Removed ";
pub(super) const ACTIVE: &str = "Active";
pub(super) const INVITED: &str = "Invited";
pub(super) const NEVER: &str = "never";
pub(super) const SAVE: &str = "Save";
pub(super) const RESET_PASSWORD: &str = "Reset password";
pub(super) const NEW_LINK: &str = "New link";
pub(super) const SIGN_OUT_EVERYWHERE: &str = "Sign out everywhere";

pub(super) const YOU: &str = " (you)";

pub(super) fn of(name: &dyn Display) -> String {
    format!(" of {name}")
}

pub(super) fn role_of(name: &dyn Display) -> String {
    format!("Role of {name}")
}

pub(super) fn save_role_of(name: &dyn Display) -> String {
    format!(" the role of {name}")
}

pub(super) fn more_for(name: &dyn Display) -> String {
    format!("More for {name}")
}
