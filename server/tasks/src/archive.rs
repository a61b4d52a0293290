//! `archive`: packs a folder into one `tar.zst` file and verifies it before it is published.
//!
//! Scan counts, Pack writes the archive into the work folder, Verify reads it back. The archive has names byte for
//! byte, permissions, owner and group numbers, times, symbolic links and hard links, but no extended attributes. Holes
//! of sparse files are packed as zeros, which compress to nearly nothing.

mod frame_writer;
mod header;
mod pack;
pub(crate) mod tar_reader;
mod verify;

use std::{
    fs,
    ops::ControlFlow,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use engine::{Ctx, FolderPath, Kind, Queue, RootedFolder, Task, TaskError};
use model::{Level, bytes, count, is_unprintable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    time_slices::in_time_slices,
    walk::{Found, Walk},
};
use pack::{PackOptions, Position, pack};
use verify::verify;

/// Bytes that are read or written between two checks for a cancel.
const CHUNK: usize = 256 << 10;
/// The artifact that names each file and its digest.
const MANIFEST: &str = "B3SUMS";
/// Most bytes of the folder name in the name of the archive.
const MAX_NAME: usize = 200;

pub(crate) struct Archive {
    /// Least uncompressed bytes of a frame of the compressed file.
    frame: u64,
}

impl Archive {
    /// A later attempt continues after the last frame. Smaller frames lose less work and compress worse.
    pub(crate) fn new(frame: u64) -> Self {
        Self { frame }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Folder
    ///
    /// Includes subfolders. Symbolic links are kept, not followed.
    folder: FolderPath,
    /// Compression level
    ///
    /// 1 is fastest; 19 is smallest and about 50 times slower.
    #[serde(default = "default_level")]
    #[schemars(range(min = 1, max = 19))]
    level: u8,
}

/// The default of the `zstd` program.
fn default_level() -> u8 {
    3
}

#[derive(Serialize)]
pub(crate) struct Output {
    archive: String,
    /// Files in it.
    files: u64,
    /// Their size, bytes.
    bytes: u64,
    /// Bytes of the archive.
    archive_bytes: u64,
    /// Compression ratio: `bytes` to `archive_bytes`.
    ratio: f64,
    /// Folders in it, without the folder itself.
    folders: u64,
    /// Symbolic links in it.
    symbolic_links: u64,
    /// Further names of files in it.
    hard_links: u64,
    /// Files that changed while they were read, or could be read only in part; each is a warning in the log.
    incomplete: u64,
    /// Files left out because they could not be read; each is a warning in the log.
    unreadable: u64,
    /// Devices, sockets and pipes, left out; each is a warning in the log.
    specials: u64,
    /// BLAKE3 digest of the archive.
    digest: String,
    /// The artifact with the BLAKE3 digest of each file.
    manifest: &'static str,
}

impl Task for Archive {
    const KIND: Kind = Kind::new("archive");
    const NAME: &'static str = "Archive a folder";
    const ABOUT: &'static str = "Packs a folder into a tar.zst file and verifies it.";
    const STAGES: &'static [&'static str] = &["Scan", "Pack", "Verify"];
    const WEIGHTS: &'static [f64] = &[0.05, 0.7, 0.25];
    const QUEUE: Queue = super::DISK;
    const LOG_STEPS: bool = true;
    const CHECKPOINTS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        format!("Archive {}", input.folder.0)
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let folder = ctx.open_folder(&input.folder)?;
        let files = Files::of(folder.path(), &ctx.work_folder().await?);
        let saved = match files.restore(ctx).await? {
            Some(saved) => saved,
            None => Checkpoint { size: scan(ctx, &folder).await?, packed: false, mark: Position::default() },
        };

        let Checkpoint { size, packed, mark } = saved;
        let mark = if packed {
            mark
        } else {
            ctx.stage(1);
            ctx.total(size, "B");
            let save = |mark: &Position| Checkpoint { size, packed: false, mark: mark.clone() };
            let order =
                PackOptions { folder: &folder, files: &files, level: input.level.into(), frame: self.frame, size };
            let mark = pack(ctx, order, mark, save).await?;
            ctx.checkpoint(&Checkpoint { size, packed: true, mark: mark.clone() }).await?;
            mark
        };

        ctx.stage(2);
        ctx.total(mark.counts.bytes, "B");
        let manifest = ctx.artifact(MANIFEST).await?;
        let digest = verify(ctx, &files, manifest.path()).await?;
        let name = archive_name(folder.path());
        let mut archive = ctx.artifact(&name).await?;
        archive.take(&files.archive).await?;
        archive.finish().await?;
        manifest.finish().await?;
        let counts = mark.counts;
        Ok(Output {
            archive: name,
            files: counts.files,
            bytes: counts.bytes,
            archive_bytes: mark.archive,
            ratio: (counts.bytes as f64 / mark.archive as f64 * 100.0).round() / 100.0,
            folders: counts.folders,
            symbolic_links: counts.symbolic_links,
            hard_links: counts.hard_links,
            incomplete: counts.incomplete,
            unreadable: counts.unreadable,
            specials: counts.specials,
            digest: digest.to_string(),
            manifest: MANIFEST,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    /// Bytes of all files, by Scan.
    size: u64,
    /// Whether the archive is complete.
    packed: bool,
    mark: Position,
}

/// The files in the work folder.
struct Files {
    archive: PathBuf,
    /// The members of the archive in order, with the digest of each file.
    list: PathBuf,
    /// First path component of all names in the archive.
    top: Vec<u8>,
}

impl Files {
    fn of(folder: &Path, work: &Path) -> Self {
        let name = folder.file_name().map_or(b"files".as_slice(), OsStrExt::as_bytes);
        Self { archive: work.join("archive"), list: work.join("list"), top: [name, b"/"].concat() }
    }

    /// The checkpoint of an earlier attempt, if its files are complete.
    async fn restore(&self, ctx: &Ctx) -> Result<Option<Checkpoint>, TaskError> {
        let Some(saved) = ctx.restore::<Checkpoint>().await? else { return Ok(None) };
        let length = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
        if length(&self.archive) < saved.mark.archive || length(&self.list) < saved.mark.list {
            ctx.start_over();
            return Ok(None);
        }
        let half = saved.mark.half.as_ref();
        let within = half.map(|half| format!(", and {} of the next one", bytes(half.read))).unwrap_or_default();
        ctx.log(Level::Info, format!("continues after {} files{within}", count(saved.mark.counts.files)));
        Ok(Some(saved))
    }
}

/// The Scan stage. Returns the bytes of all files.
async fn scan(ctx: &Ctx, folder: &RootedFolder) -> Result<u64, TaskError> {
    ctx.stage(0);
    ctx.unit("files");
    let walk = Walk::new(folder.clone()).map_err(|error| TaskError::io("reading the folder", &error))?;
    let own = ctx.clone();
    let (_, size) = in_time_slices(ctx, (walk, 0), move |(walk, bytes)| {
        match walk.next() {
            None => return Ok(ControlFlow::Break(())),
            Some(Found::File { size, .. }) => {
                *bytes += size;
                own.advance(1);
            }
            // Pack warns about them.
            Some(Found::Folder { .. } | Found::Link { .. } | Found::Special { .. } | Found::Unreadable { .. }) => {}
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    Ok(size)
}

/// Name of the archive: the name of the folder, without characters that are invalid in an artifact name.
fn archive_name(folder: &Path) -> String {
    let name = folder.file_name().map_or_else(|| "files".into(), |name| name.to_string_lossy());
    let clean: String = name.chars().map(|c| if is_unprintable(c) || c == '\\' { '_' } else { c }).collect();
    let clean = clean.trim_start_matches('.');
    let clean = &clean[..clean.floor_char_boundary(MAX_NAME)];
    format!("{}.tar.zst", if clean.is_empty() { "files" } else { clean })
}
