//! Decompressor with a size limit against zip bombs. The format is detected by the first bytes.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read},
};

use engine::{Ctx, TaskError};
use flate2::bufread::MultiGzDecoder;
use zstd::Decoder;

/// Bytes of one read.
const CHUNK: usize = 64 << 10;
/// Largest window of a Zstandard frame, as a power of two: 128 MiB, the default limit of the `zstd` program.
const MAX_WINDOW_LOG: u32 = 27;
/// Other formats by their first bytes, with advice.
const OTHER_FORMATS: [(&[u8], &str); 4] = [
    (b"\xfd7zXZ", "it is compressed with xz; decompress it first (xz -d)"),
    (b"BZh", "it is compressed with bzip2; decompress it first (bzip2 -d)"),
    (b"PK", "it is a zip file already, which opens everywhere"),
    (b"7z\xbc\xaf", "it is a 7z file; unpack it with 7z"),
];

pub(super) struct Decompressor {
    input: Box<dyn Read + Send>,
    /// Limit of uncompressed bytes, and how many of them remain.
    limit: u64,
    left: u64,
}

impl Decompressor {
    /// Opens an archive of at most `limit` uncompressed bytes. Progress advances by the bytes of the file.
    pub(super) fn open(ctx: &Ctx, file: File, limit: u64) -> Result<Self, TaskError> {
        let open = || {
            ctx.total(file.metadata()?.len(), "B");
            decompress(CountedFile { file, ctx: ctx.clone() })
        };
        let input = open().map_err(reading)?;
        Ok(Self { input, limit, left: limit })
    }

    /// Remaining uncompressed bytes.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn failed(&self, error: io::Error) -> TaskError {
        if error.kind() == ErrorKind::QuotaExceeded { self.too_large() } else { reading(error) }
    }

    pub(super) fn too_large(&self) -> TaskError {
        let message = format!(
            "the archive holds more than {} unpacked; if you trust it, run it again with a higher limit",
            model::bytes(self.limit)
        );
        TaskError::fatal("too_large", message)
    }
}

impl Read for Decompressor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or(ErrorKind::QuotaExceeded)?;
        Ok(length)
    }
}

fn decompress(file: CountedFile) -> io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::with_capacity(CHUNK, file);
    let begin = file.fill_buf()?;
    if let Some((_, advice)) = OTHER_FORMATS.iter().find(|(magic, _)| begin.starts_with(magic)) {
        return Err(io::Error::new(ErrorKind::InvalidData, *advice));
    }
    Ok(match begin {
        // A frame, or a skippable frame, which parallel compressors write first (RFC 8878, section 3.1).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let mut decoder = Decoder::with_buffer(file)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(decoder)
        }
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(file)),
        _ => Box::new(file),
    })
}

/// Counts the bytes of a file as progress of the job.
struct CountedFile {
    file: File,
    ctx: Ctx,
}

impl Read for CountedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.ctx.advance(length as u64);
        Ok(length)
    }
}

/// I/O errors concern the disk; all others concern the archive.
fn reading(error: io::Error) -> TaskError {
    if error.raw_os_error().is_some() {
        return TaskError::io("reading the archive", &error);
    }
    let message = format!("the archive cannot be unpacked: {error}");
    TaskError::fatal("bad_archive", message).caused_by(&error)
}
