//! Verification of a folder against a manifest.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    ops::ControlFlow,
    path::Path,
};

use engine::{BudgetFile, Ctx, RootedFolder, TaskError};
use model::count;
use serde::Serialize;

use super::{
    Scanned,
    digest::Algorithm,
    manifest::{self, parse_line},
    spool::{Entry, EntryReader, EntryWriter, Outcome},
};
use crate::{
    time_slices::in_time_slices,
    walk::{Found, Walk, printable_path},
};

/// Longest line of a manifest, bytes: enough for the longest path with every byte escaped.
const MAX_LINE: u64 = 16 * 1024;

#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Verified {
    /// Files with the digest of the manifest.
    pub matched: u64,
    /// Files with another digest.
    pub changed: u64,
    /// Files in the manifest that are not in the folder.
    pub missing: u64,
    /// Files that could not be read.
    pub unreadable: u64,
    /// Files in the folder that are not in the manifest.
    pub not_listed: u64,
    /// Invalid lines of the manifest.
    pub bad_lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// The artifact with one line per file.
    pub report: &'static str,
}

impl Verified {
    pub(super) const REPORT: &str = "verification.txt";

    /// Fails like `sha256sum -c`, unless every file of the manifest exists and matches.
    pub(super) fn verdict(self, algorithm: Algorithm) -> Result<Self, TaskError> {
        let wrong = self.changed + self.missing + self.unreadable;
        if wrong == 0 {
            return Ok(self);
        }
        let parts = [(self.changed, "changed"), (self.missing, "missing"), (self.unreadable, "unreadable")];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))).collect();
        let hint = if self.matched == 0 && self.changed > 1 {
            format!(" None matches at all: perhaps the manifest was not made with {}.", algorithm.name())
        } else {
            String::new()
        };
        let message = format!(
            "{} of {} files do not match the manifest: {}. {} lists them.{hint}",
            count(wrong),
            count(wrong + self.matched),
            parts.join(", "),
            Self::REPORT
        );
        Err(TaskError::fatal("mismatch", message))
    }
}

/// Reads the manifest into `listed`, then walks the folder and writes files that are not in the manifest to
/// `not_listed`. Advances by the bytes of the manifest.
pub(super) async fn scan(
    ctx: &Ctx,
    folder: &RootedFolder,
    algorithm: Algorithm,
    manifest: &Path,
    (listed, not_listed): (&Path, &Path),
) -> Result<Scanned, TaskError> {
    let reading = |error| TaskError::io("reading the manifest", &error);
    let size = fs::metadata(manifest).map_err(reading)?.len();
    ctx.total(size, "B");
    let scan = Scan {
        ctx: ctx.clone(),
        folder: folder.clone(),
        algorithm,
        lines: BufReader::new(File::open(manifest).map_err(reading)?),
        line: 0,
        named: HashSet::new(),
        listed: EntryWriter::create(listed, ctx.budget())
            .map_err(|error| TaskError::io("listing the files", &error))?,
        result: Scanned::default(),
    };
    let mut scan = in_time_slices(ctx, scan, Scan::step).await?;
    scan.result.lists[0] = scan.listed.length().map_err(|error| TaskError::io("listing the files", &error))?;
    if scan.result.files == 0 {
        let message = "no line of the manifest is of the form `digest  path`; it may be another kind of file";
        return Err(TaskError::fatal("bad_manifest", message));
    }
    find_unlisted(ctx, folder, not_listed, scan.named, scan.result).await
}

struct Scan {
    ctx: Ctx,
    folder: RootedFolder,
    algorithm: Algorithm,
    lines: BufReader<File>,
    /// Number of the last line read.
    line: u64,
    /// Hashes of the paths read: 16 bytes each instead of the path. BLAKE3 truncated to 128 bits does not collide.
    named: HashSet<[u8; 16]>,
    listed: EntryWriter,
    result: Scanned,
}

impl Scan {
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        let mut line = Vec::new();
        let read = io::Read::take(&mut self.lines, MAX_LINE).read_until(b'\n', &mut line);
        let length = read.map_err(|error| TaskError::io("reading the manifest", &error))?;
        if length == 0 {
            return Ok(ControlFlow::Break(()));
        }
        self.line += 1;
        self.ctx.advance(length as u64);
        match parse_line(line.strip_suffix(b"\n").unwrap_or(&line)) {
            Ok(None) => {}
            Ok(Some(line)) => self.take(line)?,
            Err(error) => {
                self.result.bad_lines += 1;
                self.ctx.warn(format!("line {} of the manifest: {error}", self.line));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn take(&mut self, line: manifest::Line) -> Result<(), TaskError> {
        if let Some(other) = line.algorithm.filter(|named| *named != self.algorithm) {
            let message = format!(
                "line {} of the manifest uses {} instead of {}; choose that algorithm",
                self.line,
                other.name(),
                self.algorithm.name()
            );
            return Err(TaskError::fatal("other_algorithm", message));
        }
        let size =
            self.folder.open_linked_file(&line.path).and_then(|file| file.metadata()).map_or(0, |meta| meta.len());
        self.named.insert(fingerprint(&line.path));
        self.result.files += 1;
        self.result.bytes += size;
        let entry = Entry { size, expected: Some(line.digest), path: line.path };
        self.listed.write(&entry).map_err(|error| TaskError::io("listing the files", &error))
    }
}

async fn find_unlisted(
    ctx: &Ctx,
    folder: &RootedFolder,
    into: &Path,
    named: HashSet<[u8; 16]>,
    scanned: Scanned,
) -> Result<Scanned, TaskError> {
    let walk = Walk::new(folder.clone()).map_err(|error| TaskError::io("reading the folder", &error))?;
    let writer = EntryWriter::create(into, ctx.budget()).map_err(|error| TaskError::io("listing the files", &error))?;
    let own = ctx.clone();
    let state = (walk, writer, named, scanned);
    let (_, mut writer, _, mut scanned) = in_time_slices(ctx, state, move |(walk, writer, named, scanned)| {
        match walk.next() {
            None => return Ok(ControlFlow::Break(())),
            Some(Found::File { path, size }) if !named.contains(&fingerprint(&path)) => {
                scanned.not_listed += 1;
                let entry = Entry { size, expected: None, path };
                writer.write(&entry).map_err(|error| TaskError::io("listing the files", &error))?;
            }
            Some(Found::Unreadable { path, error }) => own.warn(format!("{}: {error}", printable_path(&path))),
            Some(Found::Folder { .. } | Found::File { .. } | Found::Link { .. } | Found::Special { .. }) => {}
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    scanned.lists[1] = writer.length().map_err(|error| TaskError::io("listing the files", &error))?;
    Ok(scanned)
}

fn fingerprint(path: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(path);
    *hash.as_bytes().first_chunk().expect("a BLAKE3 digest has 32 bytes")
}

/// Report writer: one line for each file, with its status and its path, escaped as in a manifest.
pub(super) struct Report {
    ctx: Ctx,
    listed: EntryReader,
    outcomes: Box<dyn FnMut() -> io::Result<Outcome> + Send>,
    not_listed: EntryReader,
    out: BufWriter<BudgetFile>,
    counts: Verified,
}

impl Report {
    pub(super) fn new(
        ctx: &Ctx,
        (listed, not_listed): (EntryReader, EntryReader),
        outcomes: impl FnMut() -> io::Result<Outcome> + Send + 'static,
        out: BudgetFile,
        counts: Verified,
    ) -> Self {
        Self { ctx: ctx.clone(), listed, outcomes: Box::new(outcomes), not_listed, out: BufWriter::new(out), counts }
    }

    pub(super) async fn write(self, ctx: &Ctx) -> Result<Verified, TaskError> {
        let mut report = in_time_slices(ctx, self, Self::step).await?;
        report.out.flush().map_err(|error| TaskError::io("writing the report", &error))?;
        Ok(report.counts)
    }

    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        let more = self.line().map_err(|error| TaskError::io("writing the report", &error))?;
        self.ctx.advance(u64::from(more));
        Ok(if more { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    fn line(&mut self) -> io::Result<bool> {
        let (word, path) = if let Some(entry) = self.listed.read()? {
            let word = match (self.outcomes)()? {
                Outcome::Hashed(digest) | Outcome::Changing(digest) if Some(digest) == entry.expected => {
                    self.counts.matched += 1;
                    "ok"
                }
                Outcome::Hashed(_) | Outcome::Changing(_) => {
                    self.counts.changed += 1;
                    self.ctx.warn(format!("{}: does not match the manifest", printable_path(&entry.path)));
                    "changed"
                }
                Outcome::Missing => "missing",
                Outcome::Unreadable => "unreadable",
            };
            (word, entry.path)
        } else if let Some(entry) = self.not_listed.read()? {
            self.ctx.warn(format!("{}: is not in the manifest", printable_path(&entry.path)));
            ("not listed", entry.path)
        } else {
            return Ok(false);
        };
        write!(self.out, "{word}\t")?;
        manifest::write_escaped(&mut self.out, &path)?;
        self.out.write_all(b"\n")?;
        Ok(true)
    }
}
