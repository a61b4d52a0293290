//! The registry of the built-in tasks: one line each.

use engine::Builder;

use crate::{
    archive::Archive, backup::Backup, check_links::CheckLinks, checksum::Checksum, demo::Demo, import_csv::ImportCsv,
    prune::Prune, resize_images::ResizeImages, settings::TaskSettings, sql_export::SqlExport, unpack::Unpack,
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
