//! Text of the new job page.

use std::fmt::Display;

// Catalogue
pub(super) const NEW_JOB: &str = "New job";
pub(super) const CATALOGUE_LEAD: &str =
    "Choose a task, fill in the form and start it. Jobs keep running after you leave.";
pub(super) const TASKS: &str = "Tasks";
pub(super) const SEARCH_TASKS: &str = "Search tasks";
pub(super) const SEARCH: &str = "Search";
pub(super) const NO_MATCHING_TASKS: &str = "No matching tasks.";
pub(super) const DATA: &str = "Data";
pub(super) const FILES: &str = "Files";
pub(super) const MAINTENANCE: &str = "Maintenance";
pub(super) const OTHER: &str = "Other";
pub(super) const LESS_THAN_A_SECOND: &str = "less than a second";

pub(super) fn usually(duration: &dyn Display) -> String {
    format!("Usually {duration}")
}

// Form
pub(super) const FORM_LEAD: &str = "Fill in the form and start the job. It keeps running after you leave.";
pub(super) const COPIED_FROM: &str = "Copied from ";
pub(super) const CHANGE_WHAT_SHOULD_DIFFER: &str = ". Change what should differ; it starts as a new job.";
pub(super) const CREATE_SCHEDULE: &str = "Create schedule";
pub(super) const CONTINUES_AFTER_UPLOAD: &str = "Continues after the upload";
pub(super) const START_JOB: &str = "Start job";
pub(super) const STARTS_AFTER_UPLOAD: &str = "Starts after the upload";
pub(super) const TASK_NOT_FOUND: &str = "Task not found";

pub(super) fn usually_takes(half: &dyn Display) -> String {
    format!("Usually takes {half}.")
}

pub(super) fn usually_takes_rarely_over(half: &dyn Display, most: &dyn Display) -> String {
    format!("Usually takes {half}, rarely over {most}.")
}

pub(super) fn no_such_task(kind: &dyn Display) -> String {
    format!("There is no task “{kind}”. Available tasks:")
}

// Scheduling options
pub(super) const SCHEDULING_OPTIONS: &str = "Scheduling options ";
pub(super) const SCHEDULING_OPTIONS_HINT: &str = "start time, priority";
pub(super) const START_AT: &str = "Start at";
pub(super) const PRIORITY: &str = "Priority";
pub(super) const PRIORITY_HELP: &str = "Higher runs first. Default: 0.";

pub(super) fn start_at_help(whose: &dyn Display, zone: &dyn Display) -> String {
    format!("In {whose} time zone ({zone}). Leave empty to start now.")
}
