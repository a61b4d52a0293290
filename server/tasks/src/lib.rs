//! The built-in tasks: one module each, and the helpers that they share.

mod archive;
mod backup;
mod check_links;
mod checkpoints;
mod checksum;
mod csv_cell;
mod demo;
mod file_version;
mod import_csv;
mod prune;
mod registry;
mod resize_images;
mod settings;
mod sql_export;
mod time_slices;
mod unpack;
mod walk;

use engine::Queue;

pub use csv_cell::escape_cell;
pub use registry::register;
pub use settings::{Limits, TaskSettings};

/// Tasks that read and write files in bulk.
const DISK: Queue = Queue::new("disk");
/// Tasks that send requests to other machines.
const NETWORK: Queue = Queue::new("network");
/// Maintenance of Milepost itself.
const UPKEEP: Queue = Queue::new("upkeep");
