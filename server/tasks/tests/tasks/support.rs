//! Shared helpers: an engine with the built-in tasks, and a file for imports.

pub(crate) mod harness;
pub(crate) mod import_fixture;
