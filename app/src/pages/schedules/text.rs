//! Text of the schedule pages.

use std::fmt::Display;

// Schedules
pub(super) const SCHEDULES: &str = "Schedules";
pub(super) const NEW_SCHEDULE: &str = "New schedule";
pub(super) const ALL_SCHEDULES: &str = "All schedules";
pub(super) const SCHEDULE: &str = "Schedule";
pub(super) const WHEN: &str = "When";
pub(super) const NEXT_RUN: &str = "Next run";
pub(super) const LAST_20_RUNS: &str = "Last 20 runs";
pub(super) const ACTIONS: &str = "Actions";
pub(super) const FIRST: &str = "First";
pub(super) const PREVIOUS: &str = "Previous";
pub(super) const NEXT: &str = "Next";
pub(super) const PAGES: &str = "Pages";
pub(super) const NO_SCHEDULES: &str = "No schedules";
pub(super) const NO_SCHEDULES_HINT: &str = "Run a task every night, every Monday, or on the first of the month.";
pub(super) const LAST_RUNS: &str = "Last runs";

pub(super) fn shown_of_total(shown: &dyn Display, total: &dyn Display) -> String {
    format!("{shown} of {total} schedules")
}

pub(super) fn edit(name: &dyn Display) -> String {
    format!("Edit {name}")
}

// Deleted notice
pub(super) const SCHEDULE_WAS_DELETED: &str = "This schedule was deleted";

// Actions
pub(super) const PAUSED: &str = "Paused";
pub(super) const ONE_WAITS_FOR: &str = "One waits for ";
pub(super) const THEN: &str = "then ";
pub(super) const NEVER: &str = "Never";
pub(super) const RESUME: &str = "Resume";
pub(super) const PAUSE: &str = "Pause";
pub(super) const RUN_NOW: &str = "Run now";
pub(super) const BY: &str = "by ";

pub(super) fn several_wait_for(count: &dyn Display) -> String {
    format!("{count} wait for ")
}

// Plan fields
pub(super) const RUN_EACH_UP_TO_MAXIMUM: &str = "Run each, up to the maximum";
pub(super) const CRON_EXPRESSION_HELP: &str = "Minute, hour, day of the month, month, weekday: 0 2 * * 1-5 is on weekdays at 02:00. \
                Shortcuts such as @daily also work.";
pub(super) const NAME: &str = "Name";
pub(super) const CRON_EXPRESSION: &str = "Cron expression";
pub(super) const TIME_ZONE: &str = "Time zone";
pub(super) const TIME_ZONE_HELP: &str = "Time zone of the expression.";
pub(super) const OVERLAP_LABEL: &str = "If the previous run is still active";
pub(super) const MISSED_RUNS: &str = "Missed runs";
pub(super) const MISSED_RUNS_HELP: &str = "When the server was off. Runs of a paused schedule are always skipped.";
pub(super) const MAXIMUM: &str = "Maximum";
pub(super) const MAXIMUM_HELP: &str = "Newest first.";
pub(super) const PRIORITY: &str = "Priority";
pub(super) const PRIORITY_HELP: &str = "Higher runs first. Default: 0.";

// Form
pub(super) const FORM_LEAD: &str = "Fill in the form and choose when. Jobs run as you.";
pub(super) const YOU_ARE_HERE: &str = "You are here";
pub(super) const EDIT: &str = "Edit";
pub(super) const CHOOSE_A_TASK_TO_SCHEDULE: &str = "Choose a task to schedule.";
pub(super) const NOT_SAVED: &str = "Not saved";
pub(super) const WHAT: &str = "What";
pub(super) const HOW: &str = "How";
pub(super) const CANCEL: &str = "Cancel";
pub(super) const SAVE_SCHEDULE: &str = "Save schedule";
pub(super) const SAVES_AFTER_UPLOAD: &str = "Saves after the upload";
pub(super) const PREVIEW: &str = "Preview";

pub(super) const JOBS_RUN_AS: &str = "Jobs run as ";

// Detail
pub(super) const DELETE_CONSEQUENCES: &str = "Its run history is deleted; its jobs are kept.";
pub(super) const DELETE_SCHEDULE: &str = "Delete schedule";
pub(super) const PAUSED_AUTOMATICALLY: &str = "Paused automatically";
pub(super) const FIX_THEN_RESUME: &str = "Fix the schedule, then resume it.";
pub(super) const NEXT_RUNS: &str = "Next runs";
pub(super) const DETAILS: &str = "Details";
pub(super) const TASK: &str = "Task";
pub(super) const OVERLAP: &str = "Overlap";
pub(super) const RUNS_AS: &str = "Runs as";
pub(super) const CHANGED: &str = "Changed";
pub(super) const INPUT: &str = "Input";
pub(super) const INPUT_AS_JSON: &str = "Input as JSON";
pub(super) const RUNS: &str = "Runs";
pub(super) const NEWEST_FIRST: &str = "newest first";
pub(super) const NO_RUNS_YET: &str = "No runs yet.";
pub(super) const DUE: &str = "Due";
pub(super) const JOB: &str = "Job";
pub(super) const RESULT: &str = "Result";
pub(super) const TOOK: &str = "Took";
pub(super) const TO: &str = "to ";

pub(super) fn delete(name: &dyn Display) -> String {
    format!("Delete {name}")
}

pub(super) fn confirm_delete(name: &dyn Display) -> String {
    format!("Delete {name}?")
}

pub(super) fn could_not_start(reason: &dyn Display) -> String {
    format!("The job could not start: {reason}. ")
}
