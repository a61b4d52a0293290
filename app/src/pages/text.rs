//! Text of the error pages.

// Forbidden
pub(super) const NOT_ALLOWED: &str = "Not allowed";
pub(super) const NO_ACCESS: &str = "No access";
pub(super) const OVERVIEW: &str = "Overview";

// Not found
pub(super) const PAGE_NOT_FOUND: &str = "Page not found";
pub(super) const PAGE_NOT_FOUND_HINT: &str = "The page does not exist, or the job was deleted.";
pub(super) const ALL_JOBS: &str = "All jobs";

// Unreadable
pub(super) const DATABASE_UNREADABLE: &str = "Milepost cannot read its database";
pub(super) const DATABASE_UNREADABLE_HINT: &str = "Nothing on this page can be shown. The server log has the details.";
