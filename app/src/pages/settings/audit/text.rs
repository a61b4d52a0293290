//! Text of the audit log page.

use std::fmt::Display;

// Audit
pub(super) const NO_MATCHING_ENTRIES: &str = "No matching entries";
pub(super) const TRY_OTHER_FILTERS: &str = "Try other filters.";
pub(super) const NO_ENTRIES: &str = "No entries";
pub(super) const NO_ENTRIES_HINT: &str = "Every change by a user is recorded here.";
pub(super) const AUDIT_LOG: &str = "Audit log";
pub(super) const NEWEST_FIRST: &str = "newest first";
pub(super) const EXPORT_AS_CSV: &str = "Export as CSV";
pub(super) const WHEN: &str = "When";
pub(super) const WHO: &str = "Who";
pub(super) const WHAT: &str = "What";
pub(super) const FROM: &str = "From";
pub(super) const NOT_SIGNED_IN: &str = "not signed in";
pub(super) const PAGES: &str = "Pages";
pub(super) const NEWEST: &str = "Newest";
pub(super) const OLDER: &str = "Older";

pub(super) fn with_token(token: &dyn Display) -> String {
    format!("with token {token}")
}

// Filter
pub(super) const JOB: &str = "Job";
pub(super) const SHOWING_ALL_JOBS: &str = "showing entries of all jobs";
pub(super) const PAGE: &str = "Page";
pub(super) const SHOWING_NEWEST: &str = "showing the newest entries";
pub(super) const UNTIL: &str = "Until";

pub(super) fn name_too_long(longest_name: &dyn Display) -> String {
    format!("Who: names have at most {longest_name} characters. Showing all users.")
}

pub(super) fn unknown_action(action: &dyn Display) -> String {
    format!("What: unknown action “{action}”. Showing everything.")
}

pub(super) fn not_a_number(label: &dyn Display, text: &dyn Display, rest: &dyn Display) -> String {
    format!("{label}: “{text}” is not a number: {rest}.")
}

pub(super) fn not_a_date(label: &dyn Display, text: &dyn Display) -> String {
    format!("{label}: “{text}” is not a date. Enter it as 2026-12-24.")
}

pub(super) fn ends_before_it_starts(last: &dyn Display, first: &dyn Display) -> String {
    format!("Until: {last} is before {first}. Showing entries up to now.")
}

// Form
pub(super) const NAME: &str = "Name";
pub(super) const WHO_BY_NAME: &str = "Who, by name";
pub(super) const EVERYTHING: &str = "Everything";
pub(super) const JOB_BY_NUMBER: &str = "Job, by number";
pub(super) const FILTER: &str = "Filter";
pub(super) const CLEAR: &str = "Clear";
