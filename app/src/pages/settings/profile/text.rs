//! Text of the profile page.

// Profile
pub(super) const SIGN_OUT: &str = "Sign out";

// Display name
pub(super) const DISPLAY_NAME: &str = "Display name";
pub(super) const DISPLAY_NAME_HELP: &str = "Shown to other users. Leave empty for the name you sign in with.";

// Sessions
pub(super) const SESSIONS: &str = "Sessions";
pub(super) const DEVICE: &str = "Device";
pub(super) const SINCE: &str = "Since";
pub(super) const LAST_USED: &str = "Last used";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const SIGN_OUT_HINT: &str = "Signs out all other sessions.";
pub(super) const SIGN_OUT_EVERYWHERE_ELSE: &str = "Sign out everywhere else";
pub(super) const CONFIRM_SIGN_OUT: &str = "Sign out everywhere else?";
pub(super) const SIGN_OUT_CONSEQUENCES: &str =
    "All your other sessions end. You stay signed in here, and tokens stay valid.";
pub(super) const END: &str = "End";
pub(super) const THIS_DEVICE: &str = "This device";

// Time zone
pub(super) const TIME_ZONE: &str = "Time zone";
pub(super) const AUTOMATIC_BROWSER: &str = "Automatic (browser)";
pub(super) const TIME_ZONE_HELP: &str = "Also used for dates you enter.";
pub(super) const NOT_SAVED: &str = "Not saved";
pub(super) const SAVE: &str = "Save";

// Tokens
pub(super) const NAME: &str = "Name";
pub(super) const PERMISSIONS: &str = "Permissions";
pub(super) const EXPIRES: &str = "Expires";
pub(super) const CUSTOM_DATE: &str = "Custom date";
pub(super) const IN_30_DAYS: &str = "In 30 days";
pub(super) const IN_90_DAYS: &str = "In 90 days";
pub(super) const IN_A_YEAR: &str = "In a year";
pub(super) const NEVER: &str = "Never";
pub(super) const READ_SCOPE: &str = "View and follow jobs, download their files.";
pub(super) const START_SCOPE: &str = "Upload files; start, cancel, retry, pause and delete jobs; send messages.";
pub(super) const API_TOKENS: &str = "API tokens";
pub(super) const TOKENS_HINT: &str = "for programs that act on your behalf";
pub(super) const NEW_TOKEN: &str = "New token";
pub(super) const TOKEN_NAME_HELP: &str = "Purpose, such as nightly import.";
pub(super) const VALID_THROUGH_THAT_DAY: &str = "Valid through that day.";
pub(super) const NOT_CREATED: &str = "Not created";
pub(super) const LIMITED_BY_YOUR_OWN_ROLE: &str = "Limited by your own role.";
pub(super) const CREATE_TOKEN: &str = "Create token";
pub(super) const READ: &str = "Read";
pub(super) const START: &str = "Start";

// Password
pub(super) const CURRENT_PASSWORD: &str = "Current password";
pub(super) const NEW_PASSWORD: &str = "New password";
pub(super) const CONFIRM_PASSWORD: &str = "Confirm password";
pub(super) const PASSWORD_HELP: &str = "At least 12 characters; a few random words work well.";
pub(super) const PASSWORD: &str = "Password";
pub(super) const NOT_CHANGED: &str = "Not changed";
pub(super) const PASSWORD_HINT: &str = "Other sessions will be signed out.";
pub(super) const CHANGE_PASSWORD: &str = "Change password";
