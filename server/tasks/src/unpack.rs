//! `unpack`: converts a tar archive to a zip file.
//!
//! Tasks write only into the data directory, so the result is one artifact instead of a folder. The archive is read
//! once, in chunks. Entries that could do harm when the zip file is opened are skipped with a warning. There are no
//! checkpoints, since a compressed file cannot be read from the middle.

mod decompressor;
pub(crate) mod names;

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    ops::ControlFlow,
    path::Path,
};

use engine::{BudgetFile, Ctx, FilePath, Kind, Queue, Task, TaskError, UploadNames, UploadRef};
use model::{FieldError, count, is_unprintable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zip::{CompressionMethod, DateTime, ZipWriter, result::ZipError, write::SimpleFileOptions};

use super::{
    archive::tar_reader::{Member, MemberKind, TarReader},
    time_slices::in_time_slices,
    walk::printable_path,
};
use decompressor::Decompressor;
use names::{EntryKind, Names, Rejected};

/// Bytes that are read between two checks for a cancel.
const CHUNK: usize = 64 << 10;
/// Bytes read after the end of the archive, so that a trailing checksum is verified.
const MAX_TRAILER: u64 = 1 << 20;
/// Smallest file that needs zip64 fields, bytes.
const LARGE: u64 = u32::MAX as u64;

pub(crate) struct Unpack {
    /// Most names in an archive.
    names: usize,
}

impl Unpack {
    /// Rejects archives with more names.
    pub(crate) fn new(names: usize) -> Self {
        Self { names }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// Archive
    ///
    /// A file that ends in .tar.zst, .tar.gz, .tgz or .tar.
    upload: Option<UploadRef>,
    /// Or a file on the server
    ///
    /// Path of the archive, instead of an upload.
    path: Option<FilePath>,
    /// Maximum unpacked size, GB
    ///
    /// Larger archives are rejected (protects against zip bombs).
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100_000))]
    limit: u32,
}

fn default_limit() -> u32 {
    20
}

#[derive(Clone, Default, Serialize)]
pub(crate) struct Output {
    /// The name of the archive.
    archive: String,
    artifact: String,
    /// Files in it.
    files: u64,
    /// Their size, bytes.
    bytes: u64,
    /// Folders in it, if the archive lists them.
    folders: u64,
    /// Symbolic links in it.
    symbolic_links: u64,
    /// Further names of files; they become symbolic links, since a zip file has no hard links.
    hard_links: u64,
    /// Files renamed because their name is not UTF-8; each is a warning in the log.
    renamed: u64,
    /// Entries left out because they are unsafe or unsupported; each is a warning in the log.
    left_out: u64,
}

impl Task for Unpack {
    const KIND: Kind = Kind::new("unpack");
    const NAME: &'static str = "Unpack an archive";
    const ABOUT: &'static str = "Converts a tar archive to zip. Skips unsafe entries: \"..\", outside links, devices.";
    const QUEUE: Queue = super::DISK;
    const LOG_STEPS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        input.path.as_ref().map_or_else(|| "Unpack an upload".to_owned(), |path| format!("Unpack {}", path.0))
    }

    fn title_with_uploads(input: &Input, uploads: &UploadNames) -> String {
        let upload = input.upload.as_ref().map(|upload| format!("Unpack {}", uploads.of(upload)));
        upload.unwrap_or_else(|| Self::title(input))
    }

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        let message = match (&input.upload, &input.path) {
            (None, None) => "Choose an archive to upload, or name one on the server.",
            (Some(_), Some(_)) => "There is an upload already; leave the path empty, or remove the upload.",
            (Some(_), None) | (None, Some(_)) => return Ok(()),
        };
        let field = if input.path.is_some() { "path" } else { "upload" };
        Err(vec![FieldError { field: field.to_owned(), message: message.to_owned() }])
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let (file, name) = source(&input, ctx).await?;
        let limit = u64::from(input.limit) * 1_000_000_000;
        let result = Output { artifact: format!("{}.zip", stem(&name)), archive: name, ..Output::default() };
        let artifact = ctx.artifact(&result.artifact).await?;
        let (own, to, max_names) = (ctx.clone(), artifact.path().to_owned(), self.names);
        let open = move || {
            let decompressor = Decompressor::open(&own, file, limit)?;
            Unpacker::open(&own, decompressor, &to, result, max_names)
        };
        let unpacker = ctx.blocking(open).await?;
        let unpacker = in_time_slices(ctx, unpacker, Unpacker::step).await?;
        let Unpacker { zip, result, .. } = unpacker;
        ctx.blocking(move || zip.finish().and_then(|mut file| Ok(file.flush()?)).map_err(writing)).await?;
        artifact.finish().await?;
        Ok(result)
    }
}

/// Opens the archive. Returns the file and its name.
async fn source(input: &Input, ctx: &Ctx) -> Result<(File, String), TaskError> {
    if let Some(upload) = &input.upload {
        let upload = ctx.upload(upload).await?;
        let file = File::open(&upload.path).map_err(|error| TaskError::io("reading the archive", &error))?;
        return Ok((file, upload.name));
    }
    let Some(path) = &input.path else {
        return Err(TaskError::fatal("no_archive", "no archive given; upload one, or name one on the server"));
    };
    let (file, real) = ctx.open_file(path)?;
    let name = real.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok((file, name.unwrap_or_default()))
}

/// Name of the archive without its extension and without characters that are invalid in an artifact name.
fn stem(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let ends = [".tar.zst", ".tzst", ".tar.gz", ".tgz", ".tar"];
    let end = ends.into_iter().find(|end| lower.ends_with(end)).map_or(0, str::len);
    let clean: String =
        name[..name.len() - end].chars().map(|c| if is_unprintable(c) || c == '\\' { '_' } else { c }).collect();
    let clean = clean.trim_start_matches('.');
    let clean = &clean[..clean.floor_char_boundary(200)];
    if clean.is_empty() { "archive".to_owned() } else { clean.to_owned() }
}

struct Unpacker {
    ctx: Ctx,
    members: TarReader<Decompressor>,
    zip: Box<ZipWriter<BufWriter<BudgetFile>>>,
    names: Names,
    /// Destination of the content that is being read.
    content: Option<Content>,
    /// Bytes read after the end of the archive; `None` before the end.
    behind: Option<u64>,
    /// Most names in the archive.
    max_names: usize,
    result: Output,
    chunk: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Content {
    Kept,
    Skipped,
}

impl Unpacker {
    fn open(
        ctx: &Ctx,
        decompressor: Decompressor,
        to: &Path,
        result: Output,
        max_names: usize,
    ) -> Result<Self, TaskError> {
        let out = ctx.budget().create(to).map_err(|error| writing(error.into()))?;
        Ok(Self {
            ctx: ctx.clone(),
            members: TarReader::new(decompressor),
            zip: Box::new(ZipWriter::new(BufWriter::new(out))),
            names: Names::default(),
            content: None,
            behind: None,
            max_names,
            result,
            chunk: vec![0; CHUNK],
        })
    }

    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        if let Some(behind) = self.behind {
            let length = self.members.input().read(&mut self.chunk).map_err(|error| self.reading(error))?;
            self.behind = Some(behind + length as u64);
            return Ok(if length == 0 || behind > MAX_TRAILER {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            });
        }
        if let Some(content) = self.content {
            let length = self.members.read(&mut self.chunk).map_err(|error| self.reading(error))?;
            if length == 0 {
                self.content = None;
            } else if let Content::Kept = content {
                self.zip.write_all(&self.chunk[..length]).map_err(|error| writing(error.into()))?;
                self.result.bytes += length as u64;
            }
            return Ok(ControlFlow::Continue(()));
        }
        match self.members.next().map_err(|error| self.reading(error))? {
            None => self.behind = Some(0),
            Some(member) => self.member(member)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    fn member(&mut self, member: Member) -> Result<(), TaskError> {
        // Rejected before its content is unpacked.
        if member.size > self.members.input().left() {
            return Err(self.members.input().too_large());
        }
        let kept = self.add(&member)?;
        if let Err(refused) = kept {
            self.result.left_out += 1;
            self.ctx
                .warn(format!("{}: left out: {refused}", printable_path(&member.path[..member.path.len().min(1_000)])));
        }
        if self.names.count() + self.result.left_out as usize > self.max_names {
            let message =
                format!("the archive has more than {} names, the limit; split it", count(self.max_names as u64));
            return Err(TaskError::fatal("too_many_files", message));
        }
        let keep = kept.is_ok() && member.kind == MemberKind::File;
        self.content = Some(if keep { Content::Kept } else { Content::Skipped });
        Ok(())
    }

    /// Adds a member to the zip file; its content follows.
    fn add(&mut self, member: &Member) -> Result<Result<(), Rejected>, TaskError> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(time_of(member.modified))
            // Without setuid and setgid bits.
            .unix_permissions(member.mode & 0o777)
            .large_file(member.size >= LARGE);
        let kind = match member.kind {
            MemberKind::File => EntryKind::File,
            MemberKind::Folder => EntryKind::Folder,
            MemberKind::SymbolicLink | MemberKind::HardLink => EntryKind::Link,
            MemberKind::Sparse => return Ok(Err(Rejected::Sparse)),
            MemberKind::Special => return Ok(Err(Rejected::Special)),
        };
        let target = match member.kind {
            MemberKind::SymbolicLink => names::inside(&member.target, &member.path),
            MemberKind::HardLink => self.names.relative(&member.target, &member.path),
            MemberKind::File | MemberKind::Folder | MemberKind::Sparse | MemberKind::Special => Ok(String::new()),
        };
        let named = target.and_then(|target| Ok((target, self.names.take(&member.path, kind)?)));
        let (target, name) = match named {
            // Many archives have the folder `./` itself; the zip file needs no entry for it.
            Err(Rejected::Empty) if kind == EntryKind::Folder => return Ok(Ok(())),
            Err(refused) => return Ok(Err(refused)),
            Ok(named) => named,
        };
        if name.changed {
            self.result.renamed += 1;
            let text = format!("{}: its name is not UTF-8; unpacked as {}", printable_path(&member.path), name.path);
            self.ctx.warn(text);
        }
        let result = &mut self.result;
        match kind {
            EntryKind::File => {
                result.files += 1;
                self.zip.start_file(name.path, options).map_err(writing)?;
            }
            EntryKind::Folder => {
                result.folders += 1;
                self.zip.add_directory(name.path, options).map_err(writing)?;
            }
            EntryKind::Link => {
                let hard = member.kind == MemberKind::HardLink;
                *(if hard { &mut result.hard_links } else { &mut result.symbolic_links }) += 1;
                self.zip.add_symlink(name.path, target, options.unix_permissions(0o777)).map_err(writing)?;
            }
        }
        Ok(Ok(()))
    }

    fn reading(&mut self, error: io::Error) -> TaskError {
        self.members.input().failed(error)
    }
}

/// Converts a time; a time out of range becomes the earliest of the format.
fn time_of(seconds: i64) -> DateTime {
    let told = OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|at| {
        let year = u16::try_from(at.year()).ok()?;
        DateTime::from_date_and_time(year, at.month().into(), at.day(), at.hour(), at.minute(), at.second()).ok()
    });
    told.unwrap_or_default()
}

fn writing(error: ZipError) -> TaskError {
    match error {
        ZipError::Io(error) => TaskError::io("writing the zip file", &error),
        other => TaskError::fatal("io", format!("writing the zip file: {other}")),
    }
}
