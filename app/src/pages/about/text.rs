//! Text of the about page.

use model::count;

pub(super) const ABOUT: &str = "About";
pub(super) const YOU_ARE_HERE: &str = "You are here";
pub(super) const SETTINGS: &str = "Settings";
pub(super) const FOR_ADMINISTRATORS: &str = "for administrators";
pub(super) const UNKNOWN: &str = "Unknown";

// Program
pub(super) const MILEPOST: &str = "Milepost";
pub(super) const VERSION: &str = "Version";
pub(super) const BUILD: &str = "Build";
pub(super) const COMMIT: &str = "Commit";
pub(super) const DEVELOPMENT_BUILD: &str = "Development build";
pub(super) const SQLITE: &str = "SQLite";

// Server
pub(super) const SERVER: &str = "Server";
pub(super) const UPTIME: &str = "Uptime";
pub(super) const SINCE: &str = ", since ";
pub(super) const DATA_DIRECTORY: &str = "Data directory";
pub(super) const USED: &str = "Used";
pub(super) const FREE: &str = "Free on disk";

// Workers
pub(super) const WORKERS: &str = "Workers";
pub(super) const WORKER: &str = "Worker";
pub(super) const PROCESS: &str = "Process";
pub(super) const SLOTS: &str = "Slots";
pub(super) const RUNS: &str = "Runs";
pub(super) const RUNS_NO_JOBS: &str = "No jobs";
pub(super) const ALL_TASKS: &str = "All tasks";

pub(super) fn slots(slots: u64) -> String {
    if slots == 1 { "1 slot".to_owned() } else { format!("{} slots", count(slots)) }
}

pub(super) fn process_id(pid: u32) -> String {
    format!("PID {pid}")
}

// Licences
pub(super) const LICENCES: &str = "Licences";
pub(super) const MILEPOST_LICENCE: &str = "Milepost, MIT licence";
pub(super) const THIRD_PARTY_LICENCES: &str = "Third-party licences";
pub(super) const LICENCES_NOT_INCLUDED: &str =
    "Releases contain the licences of Milepost's dependencies, and this build does not. ";
pub(super) const MAKE_DIST: &str = "make dist";
pub(super) const WRITES_LICENCES_TO: &str = " writes them to ";
pub(super) const LICENCES_FILE: &str = "THIRD-PARTY-LICENSES.txt";
