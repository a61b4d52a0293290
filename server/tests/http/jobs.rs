//! Jobs: their pages, schedules, messages, downloads, workers, and what survives a killed process.

mod configured_commands;
mod downloads;
mod exactly_once;
mod get_started;
mod job_page;
mod job_page_cards;
mod messages;
mod overview_and_list;
mod page_snapshots;
mod progress_curve;
mod reporting_client;
mod reports;
mod resume_after_kill;
mod schedules;
mod workers;
