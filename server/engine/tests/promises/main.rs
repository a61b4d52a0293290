//! What the engine promises, tried from outside: one module per promise, one test per sentence of it.

mod artifacts;
mod batch;
mod cancel;
mod checkpoints;
mod failure;
mod form;
mod input;
mod log;
mod progress;
mod queue;
mod recovery;
mod retries;
mod roots;
mod states;
mod support;
mod uploads;
