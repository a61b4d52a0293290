//! What an archive holds, without its compression, which its first bytes tell; and no more than is allowed.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, ErrorKind, Read},
};

use engine::{Ctx, TaskError};
use flate2::bufread::MultiGzDecoder;
use zstd::Decoder;

/// How much of the file is read at once, bytes.
const CHUNK: usize = 64 << 10;
/// The greatest window of a Zstandard frame: 128 MiB, which is what the `zstd` program allows, as a power of two.
const WINDOW: u32 = 27;
/// What files begin with that are no archives to us, and what to do with them.
const FOREIGN: [(&[u8], &str); 4] = [
    (b"\xfd7zXZ", "it is compressed by xz; take that off first (xz -d)"),
    (b"BZh", "it is compressed by bzip2; take that off first (bzip2 -d)"),
    (b"PK", "it is a zip file already, which opens everywhere"),
    (b"7z\xbc\xaf", "it is a 7z file; unpack it with the program 7z"),
];

/// Reads it.
pub(super) struct Contents {
    input: Box<dyn Read + Send>,
    /// The most that it may be, bytes, and how much of that is left.
    limit: u64,
    left: u64,
}

impl Contents {
    /// Reads an archive that holds `limit` bytes at most. Its file is the job's progress.
    pub(super) fn open(ctx: &Ctx, file: File, limit: u64) -> Result<Self, TaskError> {
        let open = || {
            ctx.total(file.metadata()?.len(), "B");
            unpacked(Counted { file, ctx: ctx.clone() })
        };
        let input = open().map_err(reading)?;
        Ok(Self { input, limit, left: limit })
    }

    /// How many bytes it may still hold.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Why there is no more of it.
    pub(super) fn failed(&self, error: io::Error) -> TaskError {
        if error.kind() == ErrorKind::QuotaExceeded { self.too_large() } else { reading(error) }
    }

    /// It holds more than is allowed.
    pub(super) fn too_large(&self) -> TaskError {
        let message = format!(
            "the archive holds more than {} unpacked; if it is to be trusted, run it again with a higher limit",
            model::bytes(self.limit)
        );
        TaskError::fatal("too_large", message)
    }
}

impl Read for Contents {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.left = self.left.checked_sub(length as u64).ok_or(ErrorKind::QuotaExceeded)?;
        Ok(length)
    }
}

fn unpacked(file: Counted) -> io::Result<Box<dyn Read + Send>> {
    let mut file = BufReader::with_capacity(CHUNK, file);
    let begin = file.fill_buf()?;
    if let Some((_, advice)) = FOREIGN.iter().find(|(magic, _)| begin.starts_with(magic)) {
        return Err(io::Error::new(ErrorKind::InvalidData, *advice));
    }
    Ok(match begin {
        // A frame, or one to be skipped, such as programs put first that compress in parallel (RFC 8878, section 3.1).
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
            let mut decoder = Decoder::with_buffer(file)?;
            decoder.window_log_max(WINDOW)?;
            Box::new(decoder)
        }
        [0x1f, 0x8b, ..] => Box::new(MultiGzDecoder::new(file)),
        _ => Box::new(file),
    })
}

/// A file whose bytes are the job's progress.
struct Counted {
    file: File,
    ctx: Ctx,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.ctx.advance(length as u64);
        Ok(length)
    }
}

/// What the system says is trouble of the disk; all else is the archive's.
fn reading(error: io::Error) -> TaskError {
    if error.raw_os_error().is_some() {
        return TaskError::io("reading the archive", &error);
    }
    let message = format!("the archive cannot be unpacked: {error}");
    TaskError::fatal("bad_archive", message).caused_by(&error)
}
