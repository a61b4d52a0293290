//! `checksum`: writes a manifest with the checksums of all files in a folder, or verifies a folder against one.
//!
//! Scan lists the files, Hash reads them, Write joins the results. Results of stages are kept in the work folder, so
//! memory does not grow with the number of files, and a later attempt can continue Scan or Hash. The folder is not
//! changed.

pub(crate) mod digest;
mod hash;
pub(crate) mod manifest;
pub(crate) mod spool;
mod verify;

use std::{
    fs,
    io::BufWriter,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use engine::{Ctx, FolderPath, Kind, Queue, RootedFolder, Task, TaskError, UploadRef};
use model::{Level, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    checkpoints::with_checkpoints,
    time_slices::{in_checkpointed_slices, in_time_slices},
    walk::{Found, Walk, printable_path},
};
use digest::{Algorithm, Hashing};
use hash::{Done, Work, hash_all};
use spool::{Entry, EntryReader, EntryWriter, Outcome, Outcomes};
use verify::{Report, Verified};

pub(crate) struct Checksum;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Folder
    ///
    /// Includes subfolders. Symbolic links are not followed.
    folder: FolderPath,
    /// Algorithm
    ///
    /// SHA-256 is supported everywhere; BLAKE3 is several times faster.
    #[serde(default)]
    algorithm: Algorithm,
    /// Manifest to verify
    ///
    /// A file such as SHA256SUMS: the folder is compared with it, and the job fails if a file has changed or is
    /// missing. Without one, a new manifest is written.
    manifest: Option<UploadRef>,
}

#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Output {
    /// A new manifest.
    Written(Written),
    /// A verification without differences.
    Verified(Verified),
}

/// A new manifest.
#[derive(Serialize)]
pub(crate) struct Written {
    /// Files in the manifest.
    files: u64,
    /// Bytes read from them.
    bytes: u64,
    /// Files and folders left out because they could not be read; each is a warning in the log.
    unreadable: u64,
    /// Files that changed while they were read; each is a warning in the log.
    changed_meanwhile: u64,
    /// Symbolic links, left out.
    links_skipped: u64,
    /// Devices, sockets and pipes, left out.
    specials_skipped: u64,
    manifest: &'static str,
    /// Digest of the manifest, by the same algorithm.
    digest: String,
}

impl Task for Checksum {
    const KIND: Kind = Kind::new("checksum");
    const NAME: &'static str = "Checksum a folder";
    const ABOUT: &'static str =
        "Writes checksums of all files of a folder, as sha256sum and b3sum do, or verifies a folder.";
    const STAGES: &'static [&'static str] = &["Scan", "Hash", "Write"];
    const WEIGHTS: &'static [f64] = &[0.05, 0.9, 0.05];
    const QUEUE: Queue = super::DISK;
    const LOG_STEPS: bool = true;
    const CHECKPOINTS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        let verb = if input.manifest.is_some() { "Verify" } else { "Checksum" };
        format!("{verb} {}", input.folder.0)
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let folder = ctx.open_folder(&input.folder)?;
        let job = ChecksumJob { folder, algorithm: input.algorithm, work: ctx.work_folder().await? };
        match input.manifest {
            None => job.write_manifest(ctx).await.map(Output::Written),
            Some(manifest) => job.verify(ctx, &manifest).await.map(Output::Verified),
        }
    }
}

/// Shared by writing and verifying.
struct ChecksumJob {
    folder: RootedFolder,
    algorithm: Algorithm,
    /// The work folder, with the lists and the outcomes.
    work: PathBuf,
}

/// The result of Scan.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Scanned {
    files: u64,
    bytes: u64,
    unreadable: u64,
    links: u64,
    specials: u64,
    /// Files that the manifest to verify does not name.
    not_listed: u64,
    /// Invalid lines of the manifest.
    bad_lines: u64,
    /// Bytes of the two lists: files to hash, and files that are not in the manifest.
    lists: [u64; 2],
}

#[derive(Serialize, Deserialize)]
struct Checkpoint<S = Scanned, D = Done> {
    scanned: S,
    /// The position of Scan, until it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Vec<u8>>,
    done: D,
}

impl ChecksumJob {
    async fn write_manifest(self, ctx: &Ctx) -> Result<Written, TaskError> {
        let list = self.listed();
        let earlier = self.restore(ctx).await?;
        let (scanned, done) = if let Some(Checkpoint { scanned, at: None, done }) = earlier {
            (scanned, done)
        } else {
            ctx.stage(0);
            let scanned = scan(ctx, &self.folder, &list, earlier).await?;
            if scanned.links + scanned.specials > 0 {
                let (links, specials) = (count(scanned.links), count(scanned.specials));
                let text = format!("left out: {links} symbolic links, {specials} devices, sockets and pipes");
                ctx.log(Level::Info, text);
            }
            (scanned, Done::default())
        };

        let work = self.hash(ctx, &scanned, done).await?;
        let counts = work.counts();

        ctx.stage(2);
        ctx.total(scanned.files, "files");
        let digest = self.write(ctx, &list, &work.outcomes).await?;
        Ok(Written {
            files: counts.hashed,
            bytes: counts.bytes,
            unreadable: scanned.unreadable + counts.unreadable + counts.missing,
            changed_meanwhile: counts.changing,
            links_skipped: scanned.links,
            specials_skipped: scanned.specials,
            manifest: self.algorithm.manifest_name(),
            digest,
        })
    }

    async fn verify(self, ctx: &Ctx, manifest: &UploadRef) -> Result<Verified, TaskError> {
        let (listed, not_listed) = (self.listed(), self.not_listed());
        let (scanned, done) = if let Some(Checkpoint { scanned, done, .. }) = self.restore(ctx).await? {
            (scanned, done)
        } else {
            let manifest = ctx.upload(manifest).await?;
            ctx.stage(0);
            let lists = (listed.as_path(), not_listed.as_path());
            let scanned = verify::scan(ctx, &self.folder, self.algorithm, &manifest.path, lists).await?;
            (scanned, Done::default())
        };

        let work = self.hash(ctx, &scanned, done).await?;
        let counts = work.counts();

        ctx.stage(2);
        ctx.total(scanned.files + scanned.not_listed, "files");
        let artifact = ctx.artifact(Verified::REPORT).await?;
        let writing = |error| TaskError::io("writing the report", &error);
        let counts = Verified {
            missing: counts.missing,
            unreadable: counts.unreadable,
            bytes: counts.bytes,
            not_listed: scanned.not_listed,
            bad_lines: scanned.bad_lines,
            report: Verified::REPORT,
            ..Verified::default()
        };
        let lists = (EntryReader::open(&listed).map_err(writing)?, EntryReader::open(&not_listed).map_err(writing)?);
        let outcomes = work.outcomes.read().map_err(writing)?;
        let out = ctx.budget().create(artifact.path()).map_err(writing)?;
        let verified = Report::new(ctx, lists, outcomes, out, counts).write(ctx).await?;
        artifact.finish().await?;
        // A failed job has no result; the counts stay with its progress.
        ctx.data(&verified)?;
        verified.verdict(self.algorithm)
    }

    /// The list of the files to hash.
    fn listed(&self) -> PathBuf {
        self.work.join("files")
    }

    /// The list of files that the manifest does not name.
    fn not_listed(&self) -> PathBuf {
        self.work.join("not-listed")
    }

    fn outcomes(&self) -> PathBuf {
        self.work.join("outcomes")
    }

    /// The checkpoint of an earlier attempt, if its files are complete.
    async fn restore(&self, ctx: &Ctx) -> Result<Option<Checkpoint>, TaskError> {
        let Some(saved) = ctx.restore::<Checkpoint>().await? else { return Ok(None) };
        let length = |path: PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
        let lists = [length(self.listed()), length(self.not_listed())];
        let least = Outcomes::least_length(saved.done.entries());
        if saved.at.is_some() && lists[0] >= saved.scanned.lists[0] {
            ctx.log(Level::Info, format!("continues after {} files found", count(saved.scanned.files)));
            return Ok(Some(saved));
        }
        if lists == saved.scanned.lists && length(self.outcomes()) >= least {
            let (done, all) = (count(saved.done.entries()), count(saved.scanned.files));
            ctx.log(Level::Info, format!("continues after {done} of {all} files"));
            return Ok(Some(saved));
        }
        ctx.start_over();
        Ok(None)
    }

    /// Hashes the files that are not done yet.
    async fn hash(&self, ctx: &Ctx, scanned: &Scanned, done: Done) -> Result<Arc<Work>, TaskError> {
        ctx.stage(1);
        ctx.total(scanned.bytes, "B");
        ctx.continue_at(done.size);
        let opening = |error| TaskError::io("reading the list of files", &error);
        let entries = EntryReader::open(&self.listed()).map_err(opening)?;
        let outcomes = Outcomes::open(&self.outcomes(), done.entries() > 0, ctx.budget()).map_err(opening)?;
        let work = Work::new(self.folder.clone(), self.algorithm, entries, outcomes, done);
        let save = || work.with_done(|done| ctx.checkpoint(&Checkpoint { scanned, at: None, done }));
        with_checkpoints(ctx, save, hash_all(ctx, &work)).await?;
        Ok(work)
    }

    /// Writes the manifest. Returns its digest.
    async fn write(&self, ctx: &Ctx, list: &Path, outcomes: &Outcomes) -> Result<String, TaskError> {
        let artifact = ctx.artifact(self.algorithm.manifest_name()).await?;
        let writing = |error| TaskError::io("writing the manifest", &error);
        let entries = EntryReader::open(list).map_err(writing)?;
        let outcomes = outcomes.read().map_err(writing)?;
        let file = ctx.budget().create(artifact.path()).map_err(writing)?;
        let out = BufWriter::new(Hashing::new(self.algorithm, file));
        let own = ctx.clone();
        let state = (entries, outcomes, out);
        let (.., out) = in_time_slices(ctx, state, move |(entries, outcomes, out)| {
            let Some(entry) = entries.read().map_err(writing)? else { return Ok(ControlFlow::Break(())) };
            match outcomes().map_err(writing)? {
                Outcome::Hashed(digest) | Outcome::Changing(digest) => {
                    manifest::write_line(out, &digest, &entry.path).map_err(writing)?;
                }
                Outcome::Missing | Outcome::Unreadable => {}
            }
            own.advance(1);
            Ok(ControlFlow::Continue(()))
        })
        .await?;
        let written = out.into_inner().map_err(|error| writing(error.into_error()))?;
        artifact.finish().await?;
        Ok(written.hasher.finish().to_string())
    }
}

/// Entries between two checks for a cancel or a checkpoint.
const BATCH: usize = 64;

/// Lists the files of `folder` into `list`, or the rest of them.
async fn scan(
    ctx: &Ctx,
    folder: &RootedFolder,
    list: &Path,
    earlier: Option<Checkpoint>,
) -> Result<Scanned, TaskError> {
    let (reading, listing) =
        (|error| TaskError::io("reading the folder", &error), |error| TaskError::io("listing the files", &error));
    ctx.unit("files");
    let (walk, writer, scanned) = match earlier {
        Some(Checkpoint { scanned, at: Some(at), .. }) => {
            ctx.continue_at(scanned.files);
            let writer = EntryWriter::continue_at(scanned.lists[0], list, ctx.budget());
            (Walk::resume_after(&at, folder.clone()), writer, scanned)
        }
        _ => (Walk::new(folder.clone()), EntryWriter::create(list, ctx.budget()), Scanned::default()),
    };
    let state = (walk.map_err(reading)?, writer.map_err(listing)?, scanned);
    let own = ctx.clone();
    let step = move |(walk, writer, scanned): &mut (Walk, EntryWriter, Scanned)| {
        for _ in 0..BATCH {
            match walk.next() {
                None => return Ok(ControlFlow::Break(())),
                Some(Found::File { path, size }) => {
                    scanned.files += 1;
                    scanned.bytes += size;
                    own.advance(1);
                    writer.write(&Entry { size, expected: None, path }).map_err(listing)?;
                }
                Some(Found::Link { .. }) => scanned.links += 1,
                Some(Found::Special { .. }) => scanned.specials += 1,
                Some(Found::Folder { .. }) => {}
                Some(Found::Unreadable { path, error }) => {
                    scanned.unreadable += 1;
                    own.warn(format!("{}: {error}", printable_path(&path)));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    };
    let save = |(walk, writer, scanned): &mut (Walk, EntryWriter, Scanned)| {
        scanned.lists[0] = writer.length().map_err(listing)?;
        Ok(Checkpoint { scanned: scanned.clone(), at: Some(walk.place().to_vec()), done: Done::default() })
    };
    let (_, mut writer, mut scanned) = in_checkpointed_slices(ctx, state, step, save).await?;
    scanned.lists[0] = writer.length().map_err(listing)?;
    Ok(scanned)
}
