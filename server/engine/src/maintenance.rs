//! Maintenance: retention, orphan files, the sweep of unused uploads.

pub(crate) mod orphan_files;
pub(crate) mod retention;
pub(crate) mod sweep;
