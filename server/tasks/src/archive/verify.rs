//! The Verify stage: reads the archive back and compares each member with the list of Pack.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read},
    ops::ControlFlow,
    path::Path,
};

use engine::{BudgetFile, Ctx, TaskError};
use zstd::Decoder;

use super::{
    CHUNK, Files,
    tar_reader::{MemberKind, TarReader},
};
use crate::{
    checksum::{
        digest::{Algorithm, Digest, Hasher, Hashing},
        manifest::write_line,
        spool::{Entry, EntryReader},
    },
    time_slices::in_time_slices,
    walk::printable_path,
};

type Archive = Decoder<'static, BufReader<Hashing<File>>>;

struct Verifier {
    ctx: Ctx,
    members: TarReader<Archive>,
    list: EntryReader,
    top: Vec<u8>,
    manifest: BufWriter<BudgetFile>,
    /// The file that is being read.
    file: Option<(Entry, Hasher)>,
    chunk: Vec<u8>,
}

/// Verifies the archive and writes the manifest. Returns the digest of the archive. Advances by bytes of files.
pub(super) async fn verify(ctx: &Ctx, files: &Files, manifest: &Path) -> Result<Digest, TaskError> {
    let open = || -> io::Result<Verifier> {
        let archive = Hashing::new(Algorithm::Blake3, File::open(&files.archive)?);
        Ok(Verifier {
            ctx: ctx.clone(),
            members: TarReader::new(Decoder::with_buffer(BufReader::with_capacity(CHUNK, archive))?),
            list: EntryReader::open(&files.list)?,
            top: files.top.clone(),
            manifest: BufWriter::new(ctx.budget().create(manifest)?),
            file: None,
            chunk: vec![0; CHUNK],
        })
    };
    let verifier = in_time_slices(ctx, open().map_err(reading)?, Verifier::step).await?;
    verifier.manifest.into_inner().map_err(|error| TaskError::io("writing the manifest", error.error()))?;
    Ok(verifier.members.into_input().finish().into_inner().hasher.finish())
}

impl Verifier {
    fn step(&mut self) -> Result<ControlFlow<()>, TaskError> {
        if let Some((entry, mut hasher)) = self.file.take() {
            let length = self.members.read(&mut self.chunk).map_err(reading)?;
            if length > 0 {
                hasher.update(&self.chunk[..length]);
                self.ctx.advance(length as u64);
                self.file = Some((entry, hasher));
                return Ok(ControlFlow::Continue(()));
            }
            let digest = hasher.finish();
            if entry.expected != Some(digest) {
                return Err(differs(&entry.path));
            }
            let written = write_line(&mut self.manifest, &digest, &entry.path);
            written.map_err(|error| TaskError::io("writing the manifest", &error))?;
            return Ok(ControlFlow::Continue(()));
        }
        let entry = self.list.read().map_err(|error| TaskError::io("reading the list of packed files", &error))?;
        match (self.members.next().map_err(reading)?, entry) {
            (None, None) => {
                // The checksum of the last frame follows its content.
                let end = self.members.input().read(&mut self.chunk).map_err(reading)?;
                Ok(if end == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            }
            (Some(member), Some(entry)) => {
                let is_file = member.kind == MemberKind::File;
                let same_name = member.path.strip_prefix(&*self.top) == Some(&entry.path);
                if !same_name || is_file != entry.expected.is_some() || member.size != entry.size {
                    return Err(differs(&entry.path));
                }
                self.file = is_file.then(|| (entry, Hasher::new(Algorithm::Blake3)));
                Ok(ControlFlow::Continue(()))
            }
            (Some(member), None) => Err(differs(&member.path)),
            (None, Some(entry)) => Err(differs(&entry.path)),
        }
    }
}

/// I/O errors concern the disk; all others concern the archive.
fn reading(error: io::Error) -> TaskError {
    if error.raw_os_error().is_some() || error.kind() == io::ErrorKind::StorageFull {
        return TaskError::io("reading the archive back", &error);
    }
    wrong(&format!("cannot be read back: {error}")).caused_by(&error)
}

fn differs(path: &[u8]) -> TaskError {
    wrong(&format!("does not match the packed files, at {}", printable_path(path)))
}

fn wrong(what: &str) -> TaskError {
    let message = format!("the archive {what}; the disk or the memory may be failing. Run it again as a new job");
    TaskError::fatal("verify_failed", message)
}
