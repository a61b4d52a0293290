//! Which tasks there are: one line each.

use engine::Builder;

use crate::tasks::{
    Archive, Backup, CheckLinks, Checksum, Demo, ImportCsv, Prune, ResizeImages, SqlExport, TaskSettings, Unpack,
};

/// Adds every built-in task to the engine.
pub fn register(builder: Builder, settings: &TaskSettings) -> Builder {
    builder
        .register(Checksum)
        .register(ImportCsv::default())
        .register(SqlExport)
        .register(CheckLinks::new(settings.allow_private_links))
        .register(Archive::new(settings.limits.frame))
        .register(Unpack::new(settings.limits.names))
        .register(ResizeImages::new(settings.limits.image))
        .register(Backup)
        .register(Prune)
        .register(Demo)
}
