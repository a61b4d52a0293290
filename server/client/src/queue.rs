//! The entries of one run that the server does not have yet: on disk, and in memory when there is no disk.

use std::{collections::VecDeque, fs::File, io};

use wire::limits::{BATCH_BYTES, BATCH_ENTRIES, BATCH_LINES};

use crate::spool::{Acknowledged, DiskQueue};

/// Bytes that are kept in memory without a disk.
const MEMORY_BYTES: u64 = 8 << 20;
/// Room for the fields of a batch around its entries.
const ENVELOPE_BYTES: usize = 16 << 10;

/// How much a batch holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadLimits {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) lines: usize,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { entries: BATCH_ENTRIES, bytes: BATCH_BYTES - ENVELOPE_BYTES, lines: BATCH_LINES }
    }
}

impl ReadLimits {
    /// Halves the limits, after a server refused a batch as too large.
    pub(crate) fn halve(&mut self, entries: usize) {
        self.entries = (entries.min(self.entries) / 2).max(1);
    }

    /// Takes the size of an entry off; returns whether it fits. The `first` one always does.
    pub(crate) fn admit(&mut self, entry: &str, first: bool) -> bool {
        // Separators in a text count as well: a batch is then smaller than it could be.
        let lines = 1 + entry.matches("],[").count();
        let bytes = entry.len() + 1;
        if !first && (self.entries == 0 || bytes > self.bytes || lines > self.lines) {
            return false;
        }
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.lines = self.lines.saturating_sub(lines);
        true
    }
}

/// A numbered queue.
#[derive(Debug)]
pub(crate) struct Queue {
    disk: Option<DiskQueue>,
    /// Whether the disk failed: everything later is in memory.
    failed: bool,
    /// Whether the server takes no more of this run: nothing is kept.
    discarded: bool,
    memory: VecDeque<String>,
    memory_bytes: u64,
    /// The number of the first entry in memory.
    memory_first: u64,
    limit: u64,
    acknowledged: Acknowledged,
    full: bool,
}

impl Queue {
    /// Creates a queue; without a disk it holds 8 MiB.
    pub(crate) fn new(disk: Option<DiskQueue>, limit: u64) -> Self {
        let acknowledged = disk.as_ref().map(|disk| disk.files().acknowledged()).unwrap_or_default();
        let memory_first = disk.as_ref().map_or(1, |disk| disk.last() + 1);
        let memory = VecDeque::new();
        Self {
            disk,
            failed: false,
            discarded: false,
            memory,
            memory_bytes: 0,
            memory_first,
            limit,
            acknowledged,
            full: false,
        }
    }

    /// Returns the number of the last entry.
    pub(crate) fn last(&self) -> u64 {
        self.memory_first + self.memory.len() as u64 - 1
    }

    /// Returns what the server has on its disk.
    pub(crate) fn acknowledged(&self) -> &Acknowledged {
        &self.acknowledged
    }

    /// Whether more lines of the log fit. A full queue has room again when half of it is delivered.
    pub(crate) fn has_room(&mut self) -> bool {
        let on_disk = self.disk.as_ref().map_or(0, DiskQueue::bytes);
        let part = if self.full { 2 } else { 1 };
        self.full = on_disk >= self.limit / part || self.memory_bytes >= MEMORY_BYTES.min(self.limit) / part;
        !self.full
    }

    /// Appends an entry. Returns the error with which the disk failed, the first time.
    pub(crate) fn append(&mut self, entry: String) -> Option<io::Error> {
        let mut error = None;
        if self.discarded {
            return None;
        }
        if !self.failed
            && let Some(disk) = &mut self.disk
        {
            match disk.append(&entry) {
                Ok(()) => {
                    self.memory_first += 1;
                    return None;
                }
                Err(problem) => {
                    self.failed = true;
                    error = Some(problem);
                }
            }
        }
        self.memory_bytes += entry.len() as u64;
        self.memory.push_back(entry);
        error
    }

    /// Reads entries from number `next` on.
    pub(crate) fn read(&mut self, next: u64, limits: ReadLimits) -> io::Result<Vec<String>> {
        if next < self.memory_first
            && let Some(disk) = &mut self.disk
        {
            return disk.read(next, limits);
        }
        let mut budget = limits;
        let mut entries = Vec::new();
        let skipped = next.saturating_sub(self.memory_first) as usize;
        for entry in self.memory.iter().skip(skipped) {
            if !budget.admit(entry, entries.is_empty()) {
                break;
            }
            entries.push(entry.clone());
        }
        Ok(entries)
    }

    /// Forgets the entries that the server has on its disk.
    pub(crate) fn acknowledge(&mut self, acknowledged: Acknowledged) {
        if acknowledged == self.acknowledged {
            return;
        }
        let acked = acknowledged.acked.min(self.last());
        while self.memory_first <= acked
            && let Some(entry) = self.memory.pop_front()
        {
            self.memory_bytes -= entry.len() as u64;
            self.memory_first += 1;
        }
        if let Some(disk) = &mut self.disk {
            // Stored first: without entries, the numbers continue after it.
            disk.files().acknowledge(&acknowledged);
            disk.delete_until(acked);
        }
        self.acknowledged = acknowledged;
    }

    /// Returns a handle for a sync outside a lock, if there is something to sync.
    pub(crate) fn writer_to_sync(&mut self) -> Option<File> {
        self.disk.as_mut()?.writer_to_sync()?.ok()
    }

    /// Deletes the files of the run; nothing is kept from now on.
    pub(crate) fn remove(&mut self) {
        self.discarded = true;
        self.memory.clear();
        self.memory_bytes = 0;
        if let Some(disk) = &self.disk {
            disk.files().remove();
        }
    }

    /// Whether a later client can deliver all of the rest.
    pub(crate) fn is_on_disk(&self) -> bool {
        self.disk.is_some() && self.memory.is_empty()
    }
}
