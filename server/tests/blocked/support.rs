//! Helpers shared with `tests/http`.

#[path = "../http/support/database.rs"]
pub(crate) mod database;
#[path = "../http/support/long_log.rs"]
pub(crate) mod long_log;
#[path = "../http/support/process.rs"]
pub(crate) mod process;
