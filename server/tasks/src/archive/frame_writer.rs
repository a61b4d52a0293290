//! Writer of the compressed file, in frames of Zstandard. Consecutive frames are one archive (RFC 8878, section 3), so
//! a later attempt can continue after the last complete frame.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use engine::{BudgetFile, WriteBudget};
use zstd::Encoder;

pub(super) struct FrameWriter {
    file: BudgetFile,
    level: i32,
    frame: Option<Encoder<'static, BudgetFile>>,
    /// Uncompressed bytes of the current frame.
    pub(super) unpacked: u64,
}

impl FrameWriter {
    /// Creates the file, or truncates it to `length` and continues there.
    pub(super) fn open(path: &Path, length: u64, level: i32, budget: &WriteBudget) -> io::Result<Self> {
        let mut file = File::options().write(true).create(true).truncate(false).open(path)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self { file: budget.of(file), level, frame: None, unpacked: 0 })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let frame = match &mut self.frame {
            Some(frame) => frame,
            none => {
                let mut frame = Encoder::new(self.file.try_clone()?, self.level)?;
                frame.include_checksum(true)?;
                none.insert(frame)
            }
        };
        frame.write_all(bytes)?;
        self.unpacked += bytes.len() as u64;
        Ok(())
    }

    /// Ends the current frame. Returns the length of the file in bytes.
    pub(super) fn end(&mut self) -> io::Result<u64> {
        if let Some(frame) = self.frame.take() {
            frame.finish()?;
        }
        self.unpacked = 0;
        self.file.stream_position()
    }
}
