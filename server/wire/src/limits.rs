//! Limits of the protocol, enforced by the server and kept by the client.

/// Bytes of the body of a batch.
pub const BATCH_BYTES: usize = 1 << 20;
/// Entries in a batch.
pub const BATCH_ENTRIES: usize = 1_000;
/// Log lines in a batch.
pub const BATCH_LINES: usize = 2_000;
/// Bytes of a log line; what exceeds them is cut.
pub const LINE_BYTES: usize = 8 << 10;
/// Bytes of a message.
pub const MESSAGE_BYTES: usize = 1 << 10;
/// Bytes of the free data of a progress entry, as JSON.
pub const DATA_BYTES: usize = 8 << 10;
/// Bytes of a result, as JSON.
pub const RESULT_BYTES: usize = 1 << 20;
/// Bytes of the name of a unit.
pub const UNIT_BYTES: usize = 24;
/// Characters of a title.
pub const TITLE_CHARS: usize = 200;
/// Stages of a run, and bytes of the name of one.
pub const STAGES: (usize, usize) = (32, 60);
/// Shortest and longest promised time between two reports, in seconds.
pub const HEARTBEAT: (u64, u64) = (5, 24 * 3600);
/// Longest wait of a request for a change of control, in seconds.
pub const CONTROL_WAIT: u64 = 50;
/// Levels to which JSON in a request may be nested.
pub const JSON_DEPTH: usize = 32;
