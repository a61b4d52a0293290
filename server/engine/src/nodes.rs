//! Nodes: the processes that share a data directory, their lock files and what they run.

pub(crate) mod node_lock;
pub(crate) mod other_nodes;
