//! All artifacts of a job as one zip file, written while it is sent.

use std::{
    fs::File,
    io::{self, Read, Write},
    mem,
    sync::{Arc, Mutex, PoisonError},
    vec,
};

use bytes::Bytes;
use engine::{AuthorizedJob, store::Artifact};
use futures_util::{Stream, TryStreamExt, stream};
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::http::chunk_pool::ChunkPool;

/// Bytes of a file in one chunk of the response.
const CHUNK: u64 = 1 << 20;

/// Returns the zip file in chunks: one chunk is in memory at a time. Files are stored as they are, because most are
/// compressed already. It breaks off if a file cannot be read or has another size than when the job ended.
pub(super) fn zip_file(
    chunk_pool: ChunkPool,
    open: AuthorizedJob,
    artifacts: Vec<Artifact>,
) -> impl Stream<Item = io::Result<Bytes>> {
    let job = open.view.job;
    let packer = Packer::new(open, artifacts);
    stream::try_unfold(packer, move |packer| {
        let chunk_pool = chunk_pool.clone();
        async move { chunk_pool.run(async { Ok(packer.next_chunk().await) }).await.map_err(io::Error::other)? }
    })
    .inspect_err(move |error: &io::Error| tracing::error!(%job, %error, "the download of all files broke off"))
}

/// Receives what the zip writer writes.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Packer {
    open: AuthorizedJob,
    left: vec::IntoIter<Artifact>,
    /// The file that is being packed, and its remaining bytes.
    file: Option<(File, u64)>,
    /// `None` once the directory at the end is written.
    zip: Option<Box<ZipWriter<StreamWriter<Sink>>>>,
    sink: Sink,
}

impl Packer {
    fn new(open: AuthorizedJob, artifacts: Vec<Artifact>) -> Self {
        let sink = Sink::default();
        let zip = Some(Box::new(ZipWriter::new_stream(sink.clone())));
        Self { open, left: artifacts.into_iter(), file: None, zip, sink }
    }

    /// Returns the next bytes of the zip file; blocks.
    async fn next_chunk(mut self) -> io::Result<Option<(Bytes, Self)>> {
        while self.pack().await? {
            let chunk = self.sink.take();
            if !chunk.is_empty() {
                return Ok(Some((chunk, self)));
            }
        }
        Ok(None)
    }

    /// Packs a part of a file, the head of the next, or the directory at the end. Returns whether there was one.
    async fn pack(&mut self) -> io::Result<bool> {
        let Some(zip) = &mut self.zip else { return Ok(false) };
        if let Some((file, left)) = &mut self.file {
            let copied = io::copy(&mut file.take(CHUNK.min(*left)), zip)?;
            if copied == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            *left -= copied;
            if *left == 0 {
                self.file = None;
            }
        } else if let Some(artifact) = self.left.next() {
            // The names have no slashes and are unique: the engine checks them when a task makes the file.
            let (artifact, path) = self.open.artifact(&artifact.name).await.map_err(io::Error::other)?;
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(artifact.size >= u64::from(u32::MAX));
            zip.start_file(artifact.name, options)?;
            self.file = Some((File::open(path)?, artifact.size)).filter(|(_, size)| *size > 0);
        } else if let Some(zip) = self.zip.take() {
            zip.finish()?;
        }
        Ok(true)
    }
}
