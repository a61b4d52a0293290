//! Text of the parts that several pages share.

use std::fmt::Display;

// Form fields
pub(super) fn fix_one_field(not: &dyn Display) -> String {
    format!("{not}: fix 1 field")
}

pub(super) fn fix_fields(not: &dyn Display, several: &dyn Display) -> String {
    format!("{not}: fix {several} fields")
}

// List header
pub(super) const NEW_JOB: &str = "New job";

// Questions
pub(in crate::pages) const CANCEL_JOB: &str = "Cancel job";
pub(in crate::pages) const CANCEL_CONSEQUENCES: &str =
    "This task has no checkpoints: a retry starts from the beginning.";
pub(in crate::pages) const KEEP_JOB: &str = "Keep job";

// Row actions
pub(super) const CLOSE: &str = "Close";
pub(super) const DELETE_JOB: &str = "Delete job";
pub(super) const DELETE_CONSEQUENCES: &str = "This permanently deletes its input, log and files.";
pub(super) const JOB_WAS_DELETED: &str = "The job was deleted.";

// Deleted notice
pub(super) const LAST_KNOWN_STATE: &str = "The page shows its last known state. ";

// Json view
pub(super) const CUT: &str = "Only the beginning is shown. ";
pub(super) const DOWNLOAD_ALL: &str = "Download the whole of it";

// From store
pub(super) const THIS_PART_CANNOT_BE_SHOWN: &str = "This part cannot be shown";
pub(super) const SEE_SERVER_LOG: &str = "The server could not read its database. The server log has the details.";

// Task fields
pub(super) const OPTIONAL: &str = "optional";

pub(super) fn number_range(min: &dyn Display, max: &dyn Display) -> String {
    format!("{min} to {max}")
}

// Run history
pub(super) const NO_RUN_HAS_ENDED: &str = "No run has ended";

pub(super) fn last_runs_none_failed(runs: &dyn Display) -> String {
    format!("Last runs: {runs}, none failed")
}

pub(super) fn last_runs(runs: &dyn Display, failed: &dyn Display) -> String {
    format!("Last runs: {runs}, {failed} failed")
}

// Path
pub(super) const BROWSE: &str = "Browse…";
pub(super) const FOLDERS_ON_THE_SERVER: &str = "Folders on the server";
pub(super) const FILES_ON_THE_SERVER: &str = "Files on the server";

// Upload
pub(super) const REMOVE: &str = "Remove";
pub(super) const UPLOADING: &str = "Uploading";
pub(super) const CANCEL: &str = "Cancel";
pub(super) const UPLOAD_AGAIN: &str = "Upload again";
