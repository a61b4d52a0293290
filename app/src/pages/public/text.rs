//! Text of the public pages.

use std::fmt::Display;

// Public
pub(super) const SIGN_IN: &str = "Sign in";
pub(super) const SET_UP: &str = "Set up";
pub(super) const LINK_EXPIRED: &str = "Link expired or already used";
pub(super) const DATABASE_UNREADABLE: &str = "Milepost cannot read its database";
pub(super) const NOT_SET_UP: &str = "Milepost is not set up yet";
pub(super) const SETUP_LINK_HINT: &str =
    "A setup link creates the first administrator. The server prints it at its start, or writes it to the file ";
pub(super) const SETUP_LINK_COMMAND_HINT: &str = "setup-link in its data directory. This command makes another:";
pub(super) const SETUP_LINK_COMMAND: &str = "milepost setup-link";
pub(super) const LINK_HINT: &str = "Links work once, for three days. Ask for a new one, or run ";
pub(super) const FOR_FIRST_ADMINISTRATOR: &str = " for the first administrator.";
pub(super) const SEE_SERVER_LOG: &str = "The server log has the details.";

// Document
pub(super) const OFFLINE_TITLE: &str = "The server cannot be reached · Milepost";
pub(super) const OFFLINE: &str = "The server cannot be reached";
pub(super) const NO_SAVED_COPY_OF: &str = "There is no saved copy of ";
pub(super) const OFFLINE_HINT: &str = "This page will load when the server is back.";
pub(super) const SAVED_PAGES: &str = "Saved pages:";
pub(super) const FOOTER: &str = "Milepost";

// Sign in
pub(super) const NAME: &str = "Name";
pub(super) const PASSWORD: &str = "Password";
pub(super) const NEED_AN_ACCOUNT: &str = "Need an account or a new password? Ask an administrator.";

pub(super) fn sign_in_to(server: &dyn Display) -> String {
    format!("Sign in to {server}")
}

// Set up
pub(super) const SET_YOUR_PASSWORD: &str = "Set your password";
pub(super) const OTHER_SESSIONS_WILL_BE_SIGNED: &str = "Other sessions will be signed out.";
pub(super) const FIRST_ADMINISTRATOR: &str = "You are the first administrator. You can manage users, tasks and queues.";
pub(super) const SET_PASSWORD: &str = "Set password";
pub(super) const CREATE_ACCOUNT: &str = "Create account";
pub(super) const NAME_HELP: &str = "Lowercase letters, digits and . _ - @. Cannot be changed later.";
pub(super) const CONFIRM_PASSWORD: &str = "Confirm password";

pub(super) fn set_up_server(server: &dyn Display) -> String {
    format!("Set up {server}")
}

pub(super) fn password_help(shortest: &dyn Display) -> String {
    format!("At least {shortest} characters; a few random words work well.")
}
