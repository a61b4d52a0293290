//! Shared helpers: processes, HTTP clients, readers of event streams, databases and fixtures.

pub(crate) mod accounts;
pub(crate) mod browser;
pub(crate) mod database;
pub(crate) mod event_reader;
pub(crate) mod html_elements;
#[path = "../../tasks/tests/tasks/support/import_fixture.rs"]
pub(crate) mod import_fixture;
pub(crate) mod link_target;
pub(crate) mod long_log;
pub(crate) mod process;
pub(crate) mod raw_http;
pub(crate) mod site;
pub(crate) mod small_disk;
pub(crate) mod sse_reader;
