//! What the engine promises, tried from outside: one module per promise, one test per sentence of it.

mod artifacts;
mod batch;
mod cancel;
mod checkpoints;
mod clock;
mod failure;
mod form;
mod input;
mod judging;
mod log;
mod orphan_files;
mod page;
mod progress;
mod queue;
mod recovery;
mod retries;
mod roots;
mod schedules;
mod states;
mod support;
mod time_left;
mod trouble;
mod uploads;
mod workers;
