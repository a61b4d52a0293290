//! Reporting: batches of entries to the server, and its requests to cancel.

mod backoff;
mod batch_sender;
mod control;
mod reporter;
mod uploads;

pub(crate) use backoff::Backoff;
pub(crate) use batch_sender::{BatchSender, Sent};
pub(crate) use reporter::{OnCancel, OnReached, Reporter};
pub(crate) use uploads::Uploads;
