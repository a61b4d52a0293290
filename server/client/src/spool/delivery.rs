//! Delivery of what another client left behind.

use std::{
    thread,
    time::{Duration, Instant},
};

use wire::Entry;

use super::{DiskQueue, Head, RunFiles};
use crate::{
    api::Api,
    clock::wall_time,
    report::{Backoff, BatchSender, Sent},
};

/// The result of a delivery.
#[derive(Debug)]
pub(crate) enum Delivered {
    /// All of it; the files are deleted.
    All,
    /// The server takes it no more; the files are deleted.
    Discarded(String),
    /// Not now; the files are kept.
    Later(String),
}

/// Delivers an abandoned run. A run without an end is reported as lost: its client died.
pub(crate) fn deliver(api: &Api, files: RunFiles, head: &Head, deadline: Instant) -> Delivered {
    let acknowledged = files.acknowledged();
    let mut queue = match DiskQueue::open(files) {
        Ok(queue) => queue,
        Err(error) => return Delivered::Later(error.to_string()),
    };
    let mut sender = BatchSender::new(api, head, acknowledged);
    let mut backoff = Backoff::default();
    let is_ended = ends(&mut queue);
    let lost = serde_json::to_string(&Entry::Lost { at: Some(wall_time()) }).unwrap_or_default();
    // The number under which the loss is reported: the first one that the server does not have.
    let mut lost_at = None;
    loop {
        let mut entries = match queue.read(sender.next(), sender.limits()) {
            Ok(entries) => entries,
            Err(error) => return Delivered::Later(error.to_string()),
        };
        let reached = sender.acknowledged().job.is_some() && lost_at.is_none_or(|number| sender.next() <= number);
        if !is_ended && entries.is_empty() && sender.next() > queue.last() && reached {
            lost_at = Some(sender.next());
            entries.push(lost.clone());
        }
        match sender.send(&entries) {
            Sent::Accepted(_) => {
                queue.files().acknowledge(sender.acknowledged());
                let end = if is_ended { Some(queue.last()) } else { lost_at };
                if end.is_some_and(|end| sender.acknowledged().acked >= end) {
                    queue.files().remove();
                    return Delivered::All;
                }
                thread::sleep(Duration::from_millis(50));
            }
            Sent::Again => {}
            Sent::Wait(delay) => {
                let delay = delay.unwrap_or_else(|| backoff.next());
                if Instant::now() + delay > deadline {
                    return Delivered::Later("the server is busy".to_owned());
                }
                thread::sleep(delay);
            }
            Sent::Stopped { reason, discard: true } => {
                queue.files().remove();
                return Delivered::Discarded(reason);
            }
            Sent::Unreachable(reason) | Sent::Unauthorized(reason) | Sent::Stopped { reason, discard: false } => {
                return Delivered::Later(reason);
            }
        }
        if Instant::now() > deadline {
            return Delivered::Later("there was not enough time".to_owned());
        }
    }
}

/// Whether the last entry is the end of the run.
fn ends(queue: &mut DiskQueue) -> bool {
    let last = queue.read(queue.last(), crate::queue::ReadLimits::default()).unwrap_or_default();
    last.last().is_some_and(|entry| matches!(serde_json::from_str(entry), Ok(Entry::Finish(_) | Entry::Lost { .. })))
}
