//! Text of the job page.

use std::fmt::Display;

// Job
pub(super) const CANNOT_BE_SHOWN: &str = "Cannot be shown";
pub(super) const CANNOT_BE_SHOWN_HINT: &str =
    "The server could not read it; the job itself is not affected. The server log has the details.";

pub(super) fn job_cannot_be_shown(job: &dyn Display) -> String {
    format!("Job #{job} cannot be shown")
}

// Details cards
pub(super) const DETAILS: &str = "Details";
pub(super) const INPUT: &str = "Input";
pub(super) const INPUT_AS_JSON: &str = "Input as JSON";
pub(super) const COPY_INPUT_AS_JSON: &str = "Copy input as JSON";
pub(super) const EDIT_AND_RUN: &str = "Edit and run";
pub(super) const JOB: &str = "Job";
pub(super) const TASK: &str = "Task";
pub(super) const ATTEMPT: &str = "Attempt";
pub(super) const PRIORITY: &str = "Priority";
pub(super) const GIVEN_UP: &str = "The server gave this job up";
pub(super) const NO_CONTACT: &str = "No contact with the program";
pub(super) const CANCEL_ELSEWHERE: &str =
    "The program that reports this job is asked to stop. It can be started again only where it runs.";
pub(super) const STOPS_ELSEWHERE: &str = "The program that reports this job learns of the cancel with its next report.";
pub(super) const FIRST_REPORT: &str = "First report";
pub(super) const REPORTED_FROM: &str = "Reported from";
pub(super) const ELSEWHERE: &str = "another program";
pub(super) const STARTED_BY: &str = "Started by";
pub(super) const SCHEDULE: &str = "Schedule";
pub(super) const QUEUED: &str = "Queued";
pub(super) const STARTS: &str = "Starts";
pub(super) const STARTED: &str = "Started";
pub(super) const ENDED: &str = "Ended";
pub(super) const WAITED: &str = "Waited";
pub(super) const RERUN_OF: &str = "Rerun of";
pub(super) const RERUN_AS: &str = "Rerun as";
pub(super) const FILES: &str = "Files";
pub(super) const WITHIN_A_MINUTE: &str = "within a minute";
pub(super) const RUN_MANUALLY: &str = ", run manually";
pub(super) const DUE: &str = ", due ";
pub(super) const WARNINGS: &str = "Warnings";
pub(super) const EARLIER_RUNS: &str = "Earlier runs";
pub(super) const OF_THIS_TASK: &str = "of this task";
pub(super) const STATE: &str = "State";
pub(super) const TOOK: &str = "Took";
pub(super) const AS_TABLE: &str = "As table";
pub(super) const YES: &str = "Yes";
pub(super) const NO: &str = "No";
pub(super) const ACTIVITY: &str = "Activity";
pub(super) const STARTED_THIS_JOB: &str = "started this job";
pub(super) const REQUESTED_CANCEL: &str = "requested cancel";
pub(super) const NOT_RESPONDING_TO_CANCEL: &str = "Not responding to cancel";
pub(super) const SUCCEEDED: &str = "Succeeded";
pub(super) const FAILED: &str = "Failed";
pub(super) const CANCELLED: &str = "Cancelled";
pub(super) const INTERRUPTED_WORKER_DIED: &str = "Interrupted: worker died";
pub(super) const STARTED_IT_NOW: &str = "started it now";
pub(super) const REQUESTED_PAUSE: &str = "requested pause";
pub(super) const PAUSED_AT_A_CHECKPOINT: &str = "Paused at a checkpoint";
pub(super) const SNOOZED_UNTIL_LATER: &str = "Snoozed until later";
pub(super) const RETURNED_TO_THE_QUEUE: &str = "Returned to the queue";

pub(super) fn usually(low: &str, high: &str) -> String {
    if low == high { format!("Usually {low}") } else { format!("Usually {low} to {high}") }
}

pub(super) fn this_run_took(duration: &dyn Display) -> String {
    format!("This run, {duration}")
}

pub(super) fn this_run_expected(duration: &dyn Display) -> String {
    format!("This run, expected {duration}")
}

pub(super) fn earlier_runs_failed(runs: &dyn Display, failed: &dyn Display) -> String {
    format!("{runs} earlier runs, {failed} failed")
}

pub(super) fn run_took(job: &dyn Display, state: &dyn Display, duration: &dyn Display) -> String {
    format!("#{job} {state}, {duration}")
}

pub(super) fn in_about_minutes(minutes: &dyn Display) -> String {
    format!("in about {minutes} min")
}

pub(super) fn in_about_hours(hours: &dyn Display) -> String {
    format!("in about {hours} h")
}

pub(super) fn of_attempt(attempt: &dyn Display) -> String {
    format!(", attempt {attempt}")
}

// Notices
pub(super) const JOB_WAS_DELETED: &str = "This job was deleted";
pub(super) const VIEW_ALL_JOBS: &str = "View all jobs";
pub(super) const THE_WORKER_DIED: &str = "The worker died";
pub(super) const KEEPS_ITS_SLOT: &str = "It keeps its slot until it stops. ";
pub(super) const RESTART_THE_WORKER: &str = "Restart the worker to force it.";
pub(super) const SUCCEEDED_WITH_ONE_WARNING: &str = "Succeeded with 1 warning";
pub(super) const SHOW_WARNINGS: &str = "Show warnings";
pub(super) const THE_TASK_IS_PAUSED: &str = "The task is paused";
pub(super) const HAS_PAUSED_IT: &str = " has paused it, ";
pub(super) const KEEPS_ITS_PLACE: &str = ". This job keeps its place and starts when it is resumed. ";
pub(super) const TASK_AT_LIMIT: &str = "The task is at its limit";
pub(super) const ONE_OF_ONE_SLOTS: &str = "1 of 1 slots in use. ";
pub(super) const NO_WORKER_IS_RUNNING: &str = "No worker is running";
pub(super) const START_A_WORKER: &str = "This server runs no jobs itself. Start a worker: milepost worker. ";
pub(super) const TASK_NOT_OFFERED: &str = "No process that runs now has this task";
pub(super) const WAITS_FOR_TASK: &str = "This job keeps its place and starts when a server or a worker with the task ";
pub(super) const IS_RUNNING: &str = " is running. ";
pub(super) const VIEW_QUEUES: &str = "View queues";
pub(super) const RETRY_CANCELLED: &str = "Retry cancelled; the last attempt failed";
pub(super) const FAILED_WHILE_BEING_CANCELLED: &str = "Failed while being cancelled";
pub(super) const ERROR_CODE: &str = "Error code ";

pub(super) fn worker_died(has_checkpoint: bool, percent: Option<u32>) -> String {
    let retry = match (has_checkpoint, percent) {
        (false, _) => "Retry starts over.".to_owned(),
        (true, None) => "Retry continues from the last checkpoint.".to_owned(),
        (true, Some(percent)) => format!("Retry continues at {percent}\u{a0}%."),
    };
    format!("Log and progress are kept. {retry}")
}

pub(super) fn not_responding_for(duration: &dyn Display) -> String {
    format!("Not responding to cancel for more than {duration}")
}

pub(super) fn succeeded_with_warnings(warnings: &dyn Display) -> String {
    format!("Succeeded with {warnings} warnings")
}

pub(super) fn queue_is_paused(name: &dyn Display) -> String {
    format!("Queue “{name}” is paused")
}

pub(super) fn queue_is_full(name: &dyn Display) -> String {
    format!("Queue “{name}” is full")
}

pub(super) fn failed_in(stage: &dyn Display) -> String {
    format!("Failed in {stage}")
}

pub(super) fn attempt_failed(attempt: &dyn Display) -> String {
    format!("Attempt {attempt} failed. Retrying automatically.")
}

// Progress

// Data
pub(super) fn cannot_be_compared(with: &dyn Display) -> String {
    format!("Job #{with} belongs to another task and cannot be compared.")
}

pub(super) fn no_such_job(with: &dyn Display) -> String {
    format!("There is no job #{with}.")
}

// Header
pub(super) const YOU_ARE_HERE: &str = "You are here";
pub(super) const JOBS: &str = "Jobs";
pub(super) const RETRY_NOW: &str = "Retry now";
pub(super) const STOP_RETRYING: &str = "Stop retrying";
pub(super) const START_NOW: &str = "Start now";
pub(super) const CANCEL: &str = "Cancel";
pub(super) const CANCEL_PAUSE: &str = "Cancel pause";
pub(super) const RESUME: &str = "Resume";
pub(super) const RUN_AGAIN: &str = "Run again";
pub(super) const RETRY: &str = "Retry";
pub(super) const PAUSE: &str = "Pause";
pub(super) const PINNED: &str = "Pinned";
pub(super) const PIN: &str = "Pin";
pub(super) const DELETE_JOB: &str = "Delete job";

pub(super) fn delete_job(id: &dyn Display) -> String {
    format!("Delete job #{id}")
}

pub(super) fn delete_consequences(log: &dyn Display, files: &dyn Display) -> String {
    format!("This permanently deletes its input, log ({log}) and files ({files}).")
}

pub(super) fn confirm_cancel(id: &dyn Display) -> String {
    format!("Cancel job #{id}?")
}

pub(super) fn confirm_delete(id: &dyn Display) -> String {
    format!("Delete job #{id}?")
}

// Progress chart
pub(super) const NO_CURVE: &str = ", no curve";
pub(super) const PROGRESS_OVER_TIME: &str = "Progress over time";
pub(super) const ANOTHER_RUN_OF_THIS_TASK: &str = "Another run of this task";
pub(super) const COMPARE: &str = "Compare";
pub(super) const CLEAR: &str = "Clear";

pub(super) fn comma_took(duration: &dyn Display) -> String {
    format!(", took {duration}")
}

pub(super) fn this_run(job: &dyn Display) -> String {
    format!("#{job}, this run")
}

pub(super) fn completed_after(time: &dyn Display) -> String {
    format!("Completed after {time}")
}

pub(super) fn reached(percent: &dyn Display, time: &dyn Display) -> String {
    format!("Reached {percent}\u{a0}% after {time}")
}

pub(super) fn half_after(words: &dyn Display, time: &dyn Display) -> String {
    format!("{words}, half after {time}")
}

pub(super) fn other_half_after(words: &dyn Display, job: &dyn Display, time: &dyn Display) -> String {
    format!("{words}; #{job} reached half after {time}")
}

// Stages
pub(super) const STAGES: &str = "Stages";
pub(super) const STAGE: &str = "Stage";
pub(super) const TIME: &str = "Time";
pub(super) const WORK_DONE: &str = "Work done";
pub(super) const USUALLY: &str = "Usually";
pub(super) const DONE: &str = "Done";
pub(super) const PENDING: &str = "Pending";

pub(super) fn work_of(done: &dyn Display, all: &dyn Display) -> String {
    format!("{done} of {all}")
}

pub(super) fn time_of(job: &dyn Display) -> String {
    format!("Time of #{job}")
}

pub(super) fn stages_done(passed: &dyn Display, total: &dyn Display) -> String {
    format!("{passed} of {total} done")
}

// Log
pub(super) const LOG: &str = "Log";
pub(super) const LOG_LINES: &str = "Log lines";
pub(super) const FILTER_LOG_LINES: &str = "Filter log lines";
pub(super) const FILTER_LINES: &str = "Filter lines";
pub(super) const MINIMUM_LEVEL: &str = "Minimum level";
pub(super) const ALL_LEVELS: &str = "All levels";
pub(super) const INFO_AND_ABOVE: &str = "Info and above";
pub(super) const WARNINGS_AND_ERRORS: &str = "Warnings and errors";
pub(super) const ERRORS: &str = "Errors";
pub(super) const FILTER: &str = "Filter";
pub(super) const FOLLOW: &str = "Follow";
pub(super) const WRAP_LONG_LINES: &str = "Wrap long lines";
pub(super) const FULL_SCREEN: &str = "Full screen";
pub(super) const FIRST_ERROR: &str = "First error";
pub(super) const GROUPED: &str = "grouped by text";
pub(super) const WARNING: &str = "Warning";
pub(super) const LINES: &str = "Lines";
pub(super) const FIRST: &str = "First";
pub(super) const DOWNLOAD_THE_WHOLE_LOG: &str = "Download the whole log";
pub(super) const NO_LOG_OUTPUT: &str = "No log output.";
pub(super) const LOG_DELETED: &str = "The log was deleted to save space.";
pub(super) const NO_MATCHING_LINES: &str = "No matching lines.";
pub(super) const SHOW_OLDER_LINES: &str = "Show older lines";
pub(super) const SHOW_NEWER_LINES: &str = "Show newer lines";

pub(super) fn line(number: &dyn Display) -> String {
    format!("Line {number}")
}

pub(super) fn more_groups(hidden: &dyn Display) -> String {
    format!("{hidden} more; see the log.")
}

pub(super) fn show_older_lines(above: &dyn Display) -> String {
    format!("Show older lines ({above} above)")
}

// Outcome
pub(super) const RESULT: &str = "Result";
pub(super) const AS_JSON: &str = "As JSON";
pub(super) const RESULT_AS_JSON: &str = "Result as JSON";

pub(super) const DOWNLOAD_ALL: &str = "Download all";
pub(super) const PREVIEW: &str = "Preview";
pub(super) const CLOSE_PREVIEW: &str = "Close preview";
pub(super) const NO_PREVIEW: &str = "This file cannot be previewed. Download it instead.";
pub(super) const ONLY_THE_BEGINNING: &str = "Only the beginning is shown.";

pub(super) fn preview_of(name: &dyn Display) -> String {
    format!("Preview {name}")
}

pub(super) fn download(name: &dyn Display) -> String {
    format!("Download {name}")
}

// Notes
pub(super) const NOTES: &str = "Notes";
pub(super) const MESSAGE_VIEWERS: &str = "Message viewers";
pub(super) const ADD_A_NOTE: &str = "Add a note";
pub(super) const NOTE_HELP: &str = "Visible to everyone who can see the job.";
pub(super) const NOT_ADDED: &str = "Not added";
pub(super) const NOTE: &str = "Note";
pub(super) const ADD_NOTE: &str = "Add note";

// Attempts
pub(super) const ATTEMPTS: &str = "Attempts";

pub(super) fn max_attempts(attempts: &dyn Display) -> String {
    format!("max. {attempts} attempts")
}

pub(super) fn at_percent(percent: &dyn Display) -> String {
    format!("at {percent}\u{a0}%")
}

pub(super) fn last_message(said: &dyn Display) -> String {
    format!(", last message: {said}")
}

pub(super) fn took(duration: &dyn Display, said: &dyn Display) -> String {
    format!("Took {duration}{said}")
}

pub(super) fn error_trace(attempt: &dyn Display) -> String {
    format!("Error trace of attempt {attempt}")
}

pub(super) fn attempt(number: &dyn Display) -> String {
    format!("Attempt {number}")
}

pub(super) fn no_contact(host: &str) -> String {
    let place = if host.is_empty() { String::new() } else { format!(" on {host}") };
    format!(
        "The program{place} has missed its promised reports. The job may still be running, and continues with the next one."
    )
}
