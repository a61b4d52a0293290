//! Promises of the engine (`docs/promises.md`), tested through its public API.

mod artifacts;
mod batch;
mod cancel;
mod checkpoints;
mod clock;
mod dead_workers;
mod documentation;
mod failure;
mod form;
mod input;
mod log;
mod orphan_files;
mod progress;
mod queue;
mod recovery;
mod reports;
mod resilience;
mod retries;
mod roots;
mod schedules;
mod states;
mod support;
mod time_left;
mod uploads;
mod workers;
