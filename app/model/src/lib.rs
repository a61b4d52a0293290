//! Types that browser and server share: ids, states, progress, stream events, forms.
//!
//! Pure types and functions that depend on serde alone, so that the wasm stays small. Time zones and calendars are not
//! here.

mod ansi_styles;
mod entry;
mod folder;
mod form;
mod format;
mod id;
mod job;
mod message;
mod printable;
mod progress;
mod queue_control;
mod role;
mod state;
mod stream;

pub use ansi_styles::AnsiStyles;
pub use entry::Entry;
pub use folder::{FolderEntry, FolderListing};
pub use form::{Choice, Field, FieldError, FieldKind, Form, PathKind};
pub use format::{bytes, count, duration, fixed, left, percent, quantity, rate};
pub use id::{AttemptNo, Cursor, JobId, Micros, Priority, Seq, StreamId, UploadId};
pub use job::{Counts, Failure, JobView, Level, LogLine, QUIET_AFTER, Shown};
pub use message::{MessageEvent, MessageTo};
pub use printable::{comparable_name, is_invisible, is_unprintable, printable};
pub use progress::{Eta, Progress, Stage, Tone};
pub use queue_control::{ControlTarget, QueueControl};
pub use role::{Role, Scope};
pub use state::{Event, IllegalTransition, JobState};
pub use stream::{
    Bye, ByeReason, End, Heartbeat, Hello, LogEvent, ProgressEvent, ScheduleEvent, Snapshot, StateEvent, StreamEvent,
};
