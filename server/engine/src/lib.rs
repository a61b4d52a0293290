//! The job engine of Milepost: typed tasks that run long, say how far they are, stop when asked, and leave a history.

mod clock;
mod ctx;
mod data_dir;
mod engine;
mod error;
mod input;
mod roots;
pub mod store;
mod task;
mod uploads;

pub use clock::{Clock, SystemClock};
pub use ctx::{ArtifactWriter, Batch, Ctx, ItemOutcome};
pub use data_dir::DataDir;
pub use engine::{Builder, Engine, StartOptions};
pub use error::{Error, Result};
pub use input::{RootedPath, UploadRef};
pub use roots::{FolderEntry, FolderListing, Roots};
pub use store::{DurableEvent, Listener};
pub use task::{Kind, Task, TaskError, TaskInfo};
pub use uploads::{Upload, UploadWriter, Uploads};
