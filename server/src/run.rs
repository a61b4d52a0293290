//! The commands of the program: `serve`, `worker`, `health` and the account commands, with the process they run in.

pub(crate) mod console;
pub mod health;
mod lock;
mod process;
pub mod serve;
mod shutdown;
pub mod users;
pub mod worker;
