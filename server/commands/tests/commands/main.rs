//! External commands: real programs run by a real engine.

mod arguments;
mod exit;
mod output;
mod programs;
mod recovery;
mod support;
mod tables;
mod terminal;
