//! Text of the job list.

use std::fmt::Display;

use engine::store::COUNTED_MATCHES;
use model::count;

// Jobs
pub(super) const JOBS: &str = "Jobs";
pub(super) const SEARCH_STOPPED: &str = "The search was given up";
pub(super) const STATES: &str = "States";
pub(super) const NO_JOBS_YET: &str = "No jobs yet";
pub(super) const NO_JOBS_YET_HINT: &str = "Jobs appear here when they start and stay until they are deleted.";
pub(super) const START_THE_FIRST_JOB: &str = "Start the first job";
pub(super) const NOTHING_ON_THIS_PAGE: &str = "Nothing on this page";
pub(super) const NOTHING_ON_THIS_PAGE_HINT: &str = "The jobs on this page were deleted.";
pub(super) const NEWEST_JOBS: &str = "Newest jobs";
pub(super) const NO_MATCHING_JOBS: &str = "No matching jobs";
pub(super) const TRY_OTHER_FILTERS: &str = "Try other filters.";
pub(super) const CLEAR_FILTERS: &str = "Clear filters";
pub(super) const NO_JOBS: &str = "No jobs";
pub(super) const NO_JOBS_HINT: &str = "No job is in this state now.";
pub(super) const ALL_JOBS: &str = "All jobs";
pub(super) const NEWEST: &str = "Newest";
pub(super) const NEWER: &str = "Newer";
pub(super) const OLDER: &str = "Older";
pub(super) const OLDEST: &str = "Oldest";

/// The number of matching jobs, as far as they are counted.
pub(super) fn matches(jobs: u64) -> String {
    if jobs < COUNTED_MATCHES { count(jobs) } else { format!("{}+", count(COUNTED_MATCHES - 1)) }
}

// Filter
pub(super) const ALL: &str = "All";
pub(super) const RUNNING: &str = "Running";
pub(super) const QUEUED: &str = "Queued";
pub(super) const PAUSED: &str = "Paused";
pub(super) const SUCCEEDED: &str = "Succeeded";
pub(super) const FAILED: &str = "Failed";
pub(super) const CANCELLED: &str = "Cancelled";
pub(super) const INTERRUPTED: &str = "Interrupted";
pub(super) const LAST_HOUR: &str = "Last hour";
pub(super) const LAST_24_HOURS: &str = "Last 24 hours";
pub(super) const LAST_7_DAYS: &str = "Last 7 days";
pub(super) const LAST_30_DAYS: &str = "Last 30 days";

pub(super) fn unknown_state(word: &dyn Display) -> String {
    format!("Unknown state “{word}”. Showing all states.")
}

pub(super) fn unknown_period(word: &dyn Display) -> String {
    format!("Unknown period “{word}” (1h, 24h, 7d, 30d). Showing jobs of any age.")
}

pub(super) fn text_cut(longest_text: &dyn Display) -> String {
    format!("Only the first {longest_text} characters are searched for.")
}

pub(super) fn words_cut(search_words: &dyn Display) -> String {
    format!("Only the first {search_words} different words are searched for.")
}

pub(super) fn not_a_job_number(word: &dyn Display) -> String {
    format!("“{word}” is not a job number. Showing the newest jobs.")
}

pub(super) fn unknown_order(word: &dyn Display) -> String {
    format!("Unknown order “{word}”. Showing the newest jobs.")
}

// Form
pub(super) const SEARCH_LABEL: &str = "Search by number, task or title";
pub(super) const SEARCH_PLACEHOLDER: &str = "Number, task or title";
pub(super) const FILTER: &str = "Filter";
pub(super) const CLEAR: &str = "Clear";
pub(super) const KIND: &str = "Kind";
pub(super) const ALL_TASKS: &str = "All tasks";
pub(super) const CREATED: &str = "Created";
pub(super) const ANY_TIME: &str = "Any time";
