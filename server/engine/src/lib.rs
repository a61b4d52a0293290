//! The job engine of Milepost: typed long-running tasks with progress, cancel, retries, schedules and a history.
//!
//! One SQLite file, one process or several. The engine does not depend on the web: a host program registers its
//! [`Task`]s, starts jobs, receives events through a [`Listener`], and reads the history from the [`store`]. An
//! accepted job survives the process; the jobs of a dead process are found and marked interrupted by the others, or by
//! the next one. Any number of processes may join the first ([`Builder::joining`]) and run jobs beside it.
//!
//! | what | where |
//! |---|---|
//! | a kind of work: input, output, stages, limits | [`Task`] |
//! | the context of a running task: progress, log, artifacts, checkpoints, cancel | [`Ctx`] |
//! | starting, cancelling, retrying, reading | [`Engine`] |
//! | recurring jobs | [`schedules`] |
//! | states and their transitions | `docs/states.md`, [`model::JobState`] |
//!
//! A whole program:
//!
//! ```
//! use std::sync::{Arc, mpsc};
//!
//! use engine::{Ctx, DurableEvent, Engine, Kind, Listener, StartOptions, Task, TaskError};
//! use model::{JobState, ProgressEvent, StreamEvent};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//!
//! /// Adds up numbers, slowly enough to watch.
//! struct AddUp;
//!
//! /// Doc comments become the labels of the form, schema attributes its limits.
//! #[derive(Deserialize, JsonSchema)]
//! struct Input {
//!     /// Last number
//!     #[schemars(range(min = 1, max = 1_000_000))]
//!     last: u64,
//! }
//!
//! #[derive(Serialize)]
//! struct Output {
//!     sum: u64,
//! }
//!
//! impl Task for AddUp {
//!     const KIND: Kind = Kind::new("add-up");
//!     const NAME: &'static str = "Add up";
//!     const ABOUT: &'static str = "Adds up the numbers from 1 to the last one.";
//!     type Input = Input;
//!     type Output = Output;
//!
//!     fn title(input: &Input) -> String {
//!         format!("Add up 1 to {}", input.last)
//!     }
//!
//!     async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
//!         ctx.total(input.last, "numbers");
//!         let inner = ctx.clone();
//!         let sum = ctx.blocking(move || {
//!             let mut sum = 0;
//!             for number in 1..=input.last {
//!                 inner.check()?;
//!                 sum += number;
//!                 inner.advance(1);
//!             }
//!             Ok(sum)
//!         });
//!         Ok(Output { sum: sum.await? })
//!     }
//! }
//!
//! /// Prints events, and sends the final state of a job.
//! struct Printer(mpsc::Sender<JobState>);
//!
//! impl Listener for Printer {
//!     fn durable(&self, events: &[Arc<DurableEvent>]) {
//!         for event in events {
//!             if let StreamEvent::State(change) = &event.event {
//!                 println!("{} {}: {}", event.seq.0, change.view.title, change.view.state);
//!                 if change.view.state.is_terminal() {
//!                     let _ = self.0.send(change.view.state);
//!                 }
//!             }
//!         }
//!     }
//!
//!     fn progress(&self, events: &[Arc<ProgressEvent>]) {
//!         for event in events {
//!             println!("job {} is at {} of {:?}", event.job, event.progress.value, event.progress.max);
//!         }
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> engine::Result<()> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! # let data = folder.path();
//! let (sender, receiver) = mpsc::channel();
//! let engine = Engine::builder(data).register(AddUp).listener(Arc::new(Printer(sender))).open().await?;
//!
//! // Every fault of an input is reported at once, by field.
//! let refused = engine.start("add-up", json!({ "lst": 0 }), StartOptions::default()).await;
//! assert!(matches!(refused, Err(engine::Error::InvalidInput(faults)) if faults.len() == 2));
//!
//! let job = engine.start("add-up", json!({ "last": 1000 }), StartOptions::default()).await?;
//! assert_eq!(receiver.recv(), Ok(JobState::Succeeded));
//! assert_eq!(engine.store().detail(job).await?.output, Some(json!({ "sum": 500_500 })));
//! engine.shutdown(std::time::Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

pub mod access;
mod attempt;
mod authorized;
mod clock;
mod engine;
mod error;
mod files;
mod maintenance;
pub mod messages;
mod nodes;
pub mod processes;
mod progress;
pub mod reports;
mod runtime;
mod scheduling;
mod shared;
pub mod store;
mod task;
mod types;
mod uploads;
mod worker;

pub use attempt::StopReason;
pub use attempt::artifacts::ArtifactWriter;
pub use attempt::batch::{Batch, ItemOutcome};
pub use attempt::ctx::Ctx;
pub use authorized::{AuthorizedEngine, AuthorizedJob, Installation, Process};
pub use clock::{Clock, SystemClock};
pub use cron::{Cron, zones};
pub use engine::builder::Builder;
pub use engine::queues::{Hold, KindStatus, QueueStatus};
pub use engine::{Engine, schedules};
pub use error::{Error, Result, collect_faults};
pub use files::data_dir::DataDir;
pub use files::disk::{BudgetFile, Disk, RESERVE, WriteBudget};
pub use files::orphan_counts::OrphanFiles;
pub use files::rooted_folder::RootedFolder;
pub use files::roots::Roots;
pub use maintenance::retention::Retention;
pub use model::{FolderEntry, FolderListing};
pub use runtime::health::{Failure, Health, Trouble};
pub use store::{DurableEvent, Listener};
pub use task::acceptance::StartOptions;
pub use task::backoff::Backoff;
pub use task::declared::{Declared, DeclaredTask};
pub use task::{Fault, Task, TaskError, TaskInfo};
pub use types::curve::{Curve, CurvePoint, POINTS};
pub use types::input::{FilePath, FolderPath, UploadNames, UploadRef};
pub use types::names::{Code, Kind, Queue};
pub use uploads::{Upload, UploadWriter, Uploads};
