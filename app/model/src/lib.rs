//! The words that browser and server share: ids, states, progress, the events of the stream, forms.
//!
//! Pure types and pure functions on serde alone, so that the wasm stays small. What an instant means
//! to a person (time zones, calendars) is not here.

mod entry;
mod folder;
mod form;
mod format;
mod id;
mod job;
mod message;
mod paint;
mod printable;
mod progress;
mod queue_control;
mod role;
mod state;
mod stream;

pub use entry::Entry;
pub use folder::{FolderEntry, FolderListing};
pub use form::{Choice, Field, FieldError, FieldKind, Form};
pub use format::{bytes, count, duration, fixed, left, percent, quantity, rate};
pub use id::{AttemptNo, Cursor, JobId, Micros, Priority, Seq, StreamId, UploadId};
pub use job::{Counts, Failure, JobView, Level, LogLine, QUIET_AFTER, Shown};
pub use message::{MessageEvent, MessageTo};
pub use paint::Paint;
pub use printable::{is_unprintable, printable};
pub use progress::{Eta, Progress, Stage, Tone};
pub use queue_control::{ControlTarget, QueueControl};
pub use role::{Role, Scope};
pub use state::{Event, IllegalTransition, JobState};
pub use stream::{Bye, ByeReason, End, Heartbeat, Hello, LogEvent, ProgressEvent, Snapshot, StateEvent, StreamEvent};
