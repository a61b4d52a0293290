//! The spool: what is reported, on disk until the server has it on its own.
//!
//! Each run has a head with everything that a later client needs (no token), locked while its client lives; segments
//! with one entry per line as on the wire, named by the number of their first entry; and the newest acknowledgement.

mod delivery;
mod directory;
mod disk_queue;
mod head;
mod unreachable;

pub(crate) use delivery::{Delivered, deliver};
pub(crate) use directory::{RunFiles, SpoolDirectory};
pub(crate) use disk_queue::DiskQueue;
pub(crate) use head::{Acknowledged, Head};
pub(crate) use unreachable::UnreachableNote;
