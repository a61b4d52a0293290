//! Slots and kinds of the other processes on the same data directory.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, RwLock},
};

use crate::{DataDir, nodes::node_lock, store::Node};

/// The other processes with slots for jobs. Updated with each check of them.
#[derive(Default)]
pub(crate) struct OtherNodes(RwLock<Known>);

#[derive(Default)]
struct Known {
    /// Jobs that they can run at once.
    slots: u32,
    /// Kinds that they run.
    kinds: BTreeSet<String>,
    /// Whether the kinds of one process are unknown: it may run any kind.
    unknown: bool,
}

impl OtherNodes {
    /// Stores the slots and kinds of the living processes.
    pub(crate) fn update(&self, data: &DataDir, living: &[Node]) {
        let mut known = Known::default();
        for node in living.iter().filter(|node| node.concurrency > 0) {
            known.slots = known.slots.saturating_add(node.concurrency);
            match node_lock::kinds(data, &node.worker) {
                Some(kinds) => known.kinds.extend(kinds),
                None => known.unknown = true,
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
    }

    /// Jobs that they can run at once.
    pub(crate) fn slots(&self) -> u32 {
        self.0.read().unwrap_or_else(PoisonError::into_inner).slots
    }

    /// Whether one of them runs, or may run, jobs of a kind.
    pub(crate) fn runs(&self, kind: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.unknown || known.kinds.contains(kind)
    }
}
