//! The thread that sends the reports of a running program.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use wire::{Cancel, Status};

use super::{Backoff, BatchSender, Sent, control};
use crate::{
    api::Api,
    journal::Journal,
    spool::{Head, UnreachableNote},
};

/// A program that ends sooner is one request.
const FIRST_BATCH: Duration = Duration::from_millis(200);
/// The time between two batches of what is left to send; the server takes 20 requests a second.
const CATCH_UP: Duration = Duration::from_millis(60);
/// The time between two looks at the token file after a refusal.
const TOKEN_CHECK: Duration = Duration::from_secs(2);
/// The time between two reports until the server asks for another.
const DEFAULT_PACE: Duration = Duration::from_secs(1);

/// Called with a request to stop, perhaps several times with the same one.
pub(crate) type OnCancel = Arc<dyn Fn(&Cancel) + Send + Sync>;

/// Called once, when the server has accepted the first batch.
pub(crate) type OnReached = Box<dyn FnOnce(&Status) + Send>;

/// What the thread of a run needs.
pub(crate) struct Reporter {
    pub(crate) api: Arc<Api>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) head: Head,
    pub(crate) note: Option<UnreachableNote>,
    pub(crate) on_cancel: OnCancel,
    pub(crate) on_reached: Option<OnReached>,
}

impl Reporter {
    /// Starts the thread. It ends when everything is on the server's disk or nothing more can be delivered.
    pub(crate) fn start(mut self) {
        let name = "reporter".to_owned();
        let journal = self.journal.clone();
        if thread::Builder::new().name(name).spawn(move || self.report()).is_err() {
            journal.change_link(|link| link.stopped = true);
        }
    }

    fn report(&mut self) {
        let (api, head, journal) = (self.api.clone(), self.head.clone(), self.journal.clone());
        let mut sender = BatchSender::new(&api, &head, crate::spool::Acknowledged::default());
        let mut backoff = Backoff::default();
        let heartbeat = Duration::from_secs(head.heartbeat).mul_f64(0.9);
        journal.wait_for_finish(FIRST_BATCH);
        loop {
            let begun = Instant::now();
            let (last, finished) = journal.last();
            let entries = journal.read(sender.next(), sender.limits()).unwrap_or_default();
            let sent_until = sender.next() - 1 + entries.len() as u64;
            match sender.send(&entries) {
                Sent::Accepted(status) => {
                    backoff.reset();
                    self.accepted(&status, &sender);
                    if finished && sender.acknowledged().acked >= last {
                        break;
                    }
                    let taken_in_part = sender.next() <= sent_until;
                    let more = sender.next() <= last;
                    if taken_in_part || (finished && !more) {
                        // The log is at its rate limit, or the server has yet to write.
                        let pace = if finished && !more { CATCH_UP } else { pace_of(&status) };
                        thread::sleep(pace.min(DEFAULT_PACE));
                    } else if more {
                        thread::sleep(CATCH_UP.saturating_sub(begun.elapsed()));
                    } else {
                        let earliest = |pace: Option<Duration>| begun + pace.unwrap_or(DEFAULT_PACE);
                        journal.wait_for_entries(sent_until, earliest, begun + heartbeat);
                    }
                }
                Sent::Again => thread::sleep(Duration::from_millis(5)),
                Sent::Wait(delay) => {
                    self.set_outage();
                    self.pause(delay.unwrap_or_else(|| backoff.next()));
                }
                Sent::Unreachable(reason) => {
                    self.set_outage();
                    journal.change_link(|link| link.problem = Some(reason));
                    if let Some(note) = &self.note {
                        note.set();
                    }
                    if journal.last().1 && !journal.link().reached {
                        break;
                    }
                    self.pause(backoff.next());
                }
                Sent::Unauthorized(reason) => {
                    self.refuse(reason);
                    if !self.wait_for_token() {
                        break;
                    }
                    journal.change_link(|link| link.refused = None);
                }
                Sent::Stopped { reason, discard } => {
                    self.refuse(reason);
                    if discard {
                        journal.remove();
                    }
                    break;
                }
            }
        }
        journal.change_link(|link| link.stopped = true);
    }

    fn accepted(&mut self, status: &Status, sender: &BatchSender<'_>) {
        self.journal.accepted(status, sender.acknowledged().clone());
        if let Some(cancel) = &status.cancel {
            (self.on_cancel)(cancel);
        }
        if let Some(on_reached) = self.on_reached.take() {
            if let Some(note) = &self.note {
                note.clear();
            }
            control::start(self.api.clone(), self.journal.clone(), &self.head, status, self.on_cancel.clone());
            on_reached(status);
        }
    }

    fn set_outage(&self) {
        self.journal.change_link(|link| link.outage = true);
    }

    fn refuse(&self, reason: String) {
        if self.journal.link().refused.is_none() {
            crate::message::print(&format!("not reported: {reason}"));
        }
        self.journal.change_link(|link| {
            link.refused = Some(reason);
            link.outage = true;
        });
    }

    /// Waits for a time; when the run ends, the next request is at once, but only one.
    fn pause(&self, delay: Duration) {
        if self.journal.last().1 {
            thread::sleep(delay.min(Duration::from_secs(1)));
        } else {
            self.journal.wait_for_finish(delay);
        }
    }

    /// Waits for another token. Returns false at the end of the run.
    fn wait_for_token(&self) -> bool {
        loop {
            if self.api.renew_token() {
                return true;
            }
            if self.journal.wait_for_finish(TOKEN_CHECK) {
                return self.api.renew_token();
            }
        }
    }
}

fn pace_of(status: &Status) -> Duration {
    Duration::try_from_secs_f64(status.report_every).unwrap_or(DEFAULT_PACE)
}
