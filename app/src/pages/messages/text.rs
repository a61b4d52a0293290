//! Text of the messages page.

// Messages
pub(super) const MESSAGES: &str = "Messages";
pub(super) const FOR_YOU: &str = "For you";
pub(super) const MESSAGES_HINT: &str = "newest first, kept for 30 days";
pub(super) const NO_MESSAGES: &str = "No messages";
pub(super) const NO_MESSAGES_HINT: &str = "Messages to you, to everyone or about your jobs appear here.";
pub(super) const OLDER: &str = "Older";
pub(super) const NEWEST: &str = "Newest";
pub(super) const PAGES: &str = "Pages";

// Form
pub(super) const TO: &str = "To";
pub(super) const USER: &str = "User";
pub(super) const JOB: &str = "Job";
pub(super) const TYPE: &str = "Type";
pub(super) const TEXT: &str = "Text";
pub(super) const INFO: &str = "Info";
pub(super) const SUCCESS: &str = "Success";
pub(super) const WARNING: &str = "Warning";
pub(super) const ERROR: &str = "Error";
pub(super) const THE_USER_NAME: &str = "The user name.";
pub(super) const THE_JOB_NUMBER: &str = "The job number.";
pub(super) const SEND_A_MESSAGE: &str = "Send a message";
pub(super) const NOT_SENT: &str = "Not sent";
pub(super) const SEND: &str = "Send";
pub(super) const EVERYONE: &str = "Everyone";
pub(super) const ONE_USER: &str = "One user";
pub(super) const VIEWERS_OF_A_JOB: &str = "Viewers of a job";
