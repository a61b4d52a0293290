//! What commands promise, with real programs and a real engine.

mod bench;
mod conduct;
mod declaring;
mod killed;
mod output;
mod programs;
mod starting;
mod terminal;
