//! Text of the overview page.

use std::fmt::Display;

// Overview
pub(super) const OVERVIEW: &str = "Overview";
pub(super) const FRESH_HINT: &str = "Start a task, close the page, and come back to follow its progress.";
pub(super) const FRESH_HINT_VIEWER: &str = "Running jobs appear here.";
pub(super) const NOTHING_HAS_RUN_YET: &str = "Nothing has run yet";
pub(super) const START_THE_DEMO: &str = "Start the demo";
pub(super) const SEE_ALL_TASKS: &str = "See all tasks";

// Get started
pub(super) const GET_STARTED: &str = "Get started";
pub(super) const FOR_ADMINISTRATORS: &str = "for administrators";
pub(super) const HIDE: &str = "Hide";
pub(super) const HIDE_GET_STARTED: &str = " Get started for all administrators";
pub(super) const DONE: &str = "Done: ";
pub(super) const RUN_A_FIRST_JOB: &str = "Run a first job";
pub(super) const DEMO_HINT: &str = "The demo does no real work. It shows progress, logs and outcomes.";
pub(super) const DEMO_HAS_STARTED: &str = "The demo was started.";
pub(super) const VIEW: &str = "View";
pub(super) const THE_DEMO: &str = " the demo";
pub(super) const CONNECT_A_FOLDER: &str = "Connect a folder";
pub(super) const TASKS_CAN_READ: &str = "Tasks can read ";
pub(super) const ADD_A_FOLDER: &str = "To add a folder, restart Milepost with ";
pub(super) const ROOT_FLAG: &str = "--root DIR";
pub(super) const ADD_USERS_AND_A_BACKUP: &str = "Add users and a nightly backup";
pub(super) const BACK_UP_EVERY_NIGHT: &str = "Back up every night";
pub(super) const ONLY_USER: &str = "You are the only user.";
pub(super) const NO_BACKUP: &str = "No backup is scheduled.";
pub(super) const COPIES_THE_DATABASE: &str = " copies the database.";
pub(super) const ADD_USERS: &str = "Add users";
pub(super) const SCHEDULE_BACKUP: &str = "Schedule backup";

pub(super) fn more_roots(others: usize) -> String {
    format!(" and {others} more")
}

pub(super) fn users(count: &dyn Display) -> String {
    format!("{count} users can sign in.")
}

// Next runs
pub(super) const NEXT_ON_SCHEDULE: &str = "Next on schedule";
pub(super) const ALL_SCHEDULES: &str = "All schedules";

// Storage
pub(super) const DATABASE: &str = "Database";
pub(super) const JOB_FILES: &str = "Job files";
pub(super) const UPLOADED_FILES: &str = "Uploaded files";
pub(super) const IMPORTED_TABLES: &str = "Imported tables";
pub(super) const STORAGE: &str = "Storage";

// Attention
pub(super) const NEEDS_ATTENTION: &str = "Needs attention";
pub(super) const ATTENTION_HINT: &str = "until dismissed, retried, rerun or resumed";
pub(super) const VIEW_ALL_FAILED: &str = "View all failed";
pub(super) const VIEW_ALL_INTERRUPTED: &str = "View all interrupted";
pub(super) const WAS_PAUSED_BY: &str = " was paused by ";
pub(super) const OPEN: &str = "Open";
pub(super) const OPEN_THE_QUEUES: &str = " the queues";

pub(super) const DISMISS: &str = "Dismiss";
pub(super) const DISMISS_ALL: &str = "Dismiss all";

pub(super) fn dismiss_job(job: &dyn Display) -> String {
    format!("Dismiss #{job}")
}

pub(super) fn others_alike(others: &dyn Display) -> String {
    format!("{others} more with this error")
}

/// `at_least`: the jobs were not read to the end.
pub(super) fn more_rows(hidden: usize, at_least: bool) -> String {
    match (hidden, at_least) {
        (0, _) => "Showing the latest. ".to_owned(),
        (hidden, false) => format!("{hidden} more. "),
        (hidden, true) => format!("At least {hidden} more. "),
    }
}

pub(super) fn quiet_for(duration: &dyn Display) -> String {
    format!(" has not reported for {duration}")
}

pub(super) fn queue(name: &dyn Display) -> String {
    format!("Queue “{name}”")
}

pub(super) fn not_responding_for(duration: &dyn Display) -> String {
    format!(" is not responding to cancel for {duration}")
}

pub(super) fn no_contact(duration: &dyn Display) -> String {
    format!(" has sent no report {duration}; it may still be running")
}

pub(super) fn paused_automatically(why: &dyn Display) -> String {
    format!(" was paused automatically: {why}")
}

pub(super) fn was_interrupted(at: &dyn Display) -> String {
    format!(" was interrupted{at}: worker died")
}

pub(super) fn failed(at: &dyn Display, why: &dyn Display) -> String {
    format!(" failed{at}{why}")
}

// Tasks
pub(super) const TASKS: &str = "Tasks";
pub(super) const WITHOUT_DELETED: &str = "without deleted jobs";
pub(super) const TASK: &str = "Task";
pub(super) const LAST_RUNS: &str = "Last runs";
pub(super) const SUCCEEDED: &str = "Succeeded";
pub(super) const TYPICAL_DURATION: &str = "Typical duration";
pub(super) const PERCENTILE_90: &str = "90th percentile";
pub(super) const ONE_RUN: &str = "1 run";

pub(super) fn runs(count: &dyn Display) -> String {
    format!("{count} runs")
}

pub(super) fn runs_and_running(runs: &dyn Display, running: &dyn Display) -> String {
    format!("{runs}, {running} running")
}

// Running jobs
pub(super) const RUNNING_NOW: &str = "Running now";
pub(super) const ALL_RUNNING: &str = "All running";

// Chart
pub(super) const DAY_MARKS: [&str; 5] = ["24 h ago", "18 h", "12 h", "6 h", "now"];
pub(super) const WEEK_MARKS: [&str; 5] = ["7 d ago", "5 d", "3½ d", "2 d", "now"];
pub(super) const FINISHED_PER_HOUR: &str = "Finished per hour";
pub(super) const WITH_DELETED: &str = "with deleted jobs";
pub(super) const TIME_SPAN: &str = "Time span";
pub(super) const FAILED_OR_INTERRUPTED: &str = "Failed or interrupted";
pub(super) const CANCELLED: &str = "Cancelled";

pub(super) fn chart_summary(finished: &dyn Display, failed: &dyn Display, peak: &dyn Display) -> String {
    format!("{finished} jobs finished, {failed} of them failed; peak {peak} per hour")
}

pub(super) fn peak(per_hour: &dyn Display) -> String {
    format!("Peak: {per_hour} per hour")
}

// Metrics
pub(super) const RUNNING: &str = "Running";
pub(super) const QUEUED: &str = "Queued";
pub(super) const SCHEDULED: &str = " scheduled";
pub(super) const FINISHED_LAST_24_HOURS: &str = "Finished, last 24 hours";
pub(super) const NO_FINISHED_JOBS: &str = "No finished jobs";

pub(super) fn of_slots(slots: &dyn Display) -> String {
    format!("of {slots} slots")
}

pub(super) fn cancelled_count(count: &dyn Display) -> String {
    format!("{count} cancelled, with deleted jobs")
}

pub(super) fn failed_count(count: &dyn Display) -> String {
    format!("{count} failed or interrupted")
}

// Data directory
pub(super) const DATA_DIRECTORY: &str = "Data directory";
pub(super) const READ_ONLY: &str = "The disk is read-only. Nothing starts, and the ends of running jobs are not recorded: make the disk \
                         that holds the data directory writable.";
pub(super) const FILE_LIMIT: &str = "A file has reached the largest size that the server may write. Nothing new starts: raise that \
                          limit (ulimit -f, LimitFSIZE=) and restart the server.";
pub(super) const GONE: &str = "The database was removed or replaced. Nothing starts, and the ends of running jobs are not recorded: \
                    stop the server, put the files back or restore a backup, and start it again.";
pub(super) const DAMAGED: &str = "The database is damaged. Nothing starts, and the ends of running jobs are not recorded: stop the \
                       server and restore a backup. The server's log names the file and the newest backup.";
pub(super) const DISK_FULL: &str = "The disk is full. Nothing new starts until there is room: delete jobs that you do not need, or \
                         free space on the disk.";

pub(super) fn orphan_files(jobs: &dyn Display, uploads: &dyn Display) -> String {
    format!(
        "Files of jobs ({jobs}) and uploads ({uploads}) that the database does not know are left alone: it may have been \
         replaced by an older copy. Restart with --sweep-orphans to remove them."
    )
}
