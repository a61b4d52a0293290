//! The built-in tasks on a real engine, store and disk, as their users see them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod backup;
mod check_links;
mod checksum;
mod continuing;
mod demo;
mod import_csv;
mod prune;
mod resize_images;
mod sql_export;
mod step_log;
mod support;
mod swapped;
mod unpack;
