//! Files: the data directory, its disk space, the roots that tasks may read.

pub(crate) mod data_dir;
pub(crate) mod disk;
pub(crate) mod open_beneath;
pub(crate) mod orphan_counts;
pub(crate) mod rooted_folder;
pub(crate) mod roots;
