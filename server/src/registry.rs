//! Which tasks there are: one line each.

use engine::Builder;

use crate::tasks::{Backup, CheckLinks, Checksum, Demo, ImportCsv, Prune, TaskSettings};

/// Adds every built-in task to the engine.
pub fn register(builder: Builder, settings: &TaskSettings) -> Builder {
    builder
        .register(Checksum)
        .register(ImportCsv::default())
        .register(CheckLinks::new(settings.allow_private_links))
        .register(Backup)
        .register(Prune)
        .register(Demo)
}
