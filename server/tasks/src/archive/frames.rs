//! The compressed file, which grows by whole frames of Zstandard. Frames that follow each other are one archive to every
//! program (RFC 8878, section 3), so an attempt can go on behind the last one that was ended.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use engine::{BudgetFile, WriteBudget};
use zstd::Encoder;

/// Writes them.
pub(super) struct Frames {
    file: BudgetFile,
    level: i32,
    frame: Option<Encoder<'static, BudgetFile>>,
    /// Bytes in the present frame, before they were compressed.
    pub(super) unpacked: u64,
}

impl Frames {
    /// Begins a file, or goes on with one that was so many bytes long; what is behind them goes.
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

    /// Ends the present frame; answers how long the file is now, bytes.
    pub(super) fn end(&mut self) -> io::Result<u64> {
        if let Some(frame) = self.frame.take() {
            frame.finish()?;
        }
        self.unpacked = 0;
        self.file.stream_position()
    }
}
