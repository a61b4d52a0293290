//! Arguments and results of the store's methods.

mod attempt;
mod claim;
mod event;
mod first_steps;
mod job;
mod node;
mod query;
mod retention;
mod statistics;
mod upload;

pub use self::{
    attempt::*, claim::*, event::*, first_steps::*, job::*, node::*, query::*, retention::*, statistics::*, upload::*,
};
pub use crate::types::ids::{Fence, WorkerId};
