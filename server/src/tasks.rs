//! The built-in tasks, one file each; what several of them need lies beside them.

mod archive;
mod backup;
mod check_links;
mod checksum;
mod demo;
mod import_csv;
mod inside;
mod keeping;
mod prune;
mod resize_images;
mod slices;
mod sql_export;
mod table;
mod unpack;
mod walk;

use engine::{Builder, Queue};

pub use archive::Archive;
pub use backup::Backup;
pub use check_links::CheckLinks;
pub use checksum::Checksum;
pub use demo::Demo;
pub use import_csv::ImportCsv;
pub use prune::Prune;
pub use resize_images::ResizeImages;
pub use sql_export::SqlExport;
pub(crate) use table::cell;
pub use unpack::Unpack;

/// What reads and writes files in bulk.
const DISK: Queue = Queue::new("disk");
/// What asks other machines.
const NETWORK: Queue = Queue::new("network");
/// What keeps Milepost itself in order.
const UPKEEP: Queue = Queue::new("upkeep");

/// Which tasks a program has: adds them to the engine. Those of `milepost` are [`crate::registry::register`].
pub type Tasks = fn(Builder, &TaskSettings) -> Builder;

/// What the configuration says to the built-in tasks.
#[derive(Clone, Debug, Default)]
pub struct TaskSettings {
    /// Whether `check-links` may ask addresses that are not public: this machine, the local network.
    pub allow_private_links: bool,
}
