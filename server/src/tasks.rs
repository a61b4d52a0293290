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
    /// What they take on.
    pub limits: Limits,
}

/// What tasks take on. No configuration says it; a test sets it lower, to come there soon.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most names in an archive that is unpacked, those of folders on the way too. Each costs some 40 bytes while it is
    /// read, and 500 when the result is written.
    pub names: usize,
    /// The most that an image takes in memory once it is read, bytes: 133 million pixels in colour. All that are in
    /// memory at once take twice as much.
    pub image: u64,
    /// How much of an archive lies between two places from which a later attempt can go on, bytes: often enough for
    /// that, seldom enough to compress as well as one.
    pub frame: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { names: 200_000, image: 400_000_000, frame: 16 << 20 }
    }
}
