//! Text of the task settings page.

use std::fmt::Display;

// Tasks
pub(super) const TASKS: &str = "Tasks";
pub(super) const TASK: &str = "Task";
pub(super) const WHO_CAN_RUN: &str = "Who can run";
pub(super) const WHO_CAN_SEE_JOBS: &str = "Who can see jobs";
pub(super) const SAVE: &str = "Save";
pub(super) const RUN_HINT: &str =
    "Users who can run a task can also cancel, retry and pause its jobs, if they can see them.";
pub(super) const OWNER_AND_ADMINISTRATORS: &str = "owner and administrators";

pub(super) fn default_choice(choice: &dyn Display) -> String {
    format!("Default: {choice}")
}

pub(super) fn who_can_run(task: &dyn Display) -> String {
    format!("Who can run {task}")
}

pub(super) fn who_can_see_jobs_of(task: &dyn Display) -> String {
    format!("Who can see jobs of {task}")
}

pub(super) fn for_task(task: &dyn Display) -> String {
    format!(" for {task}")
}
