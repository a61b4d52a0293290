//! The protocol of batches for one run: numbers, acknowledgements, gaps and errors. It reads no clock but the wall's
//! and waits for nothing.

use std::{collections::HashMap, time::Duration};

use wire::{Batch, Entry, LogLines, Problem, Status};

use crate::{
    api::{Api, Reply, Unreachable},
    clock::wall_time,
    queue::ReadLimits,
    spool::{Acknowledged, Head},
};

/// The result of a request.
#[derive(Debug)]
pub(crate) enum Sent {
    /// The server took at least a part of the batch.
    Accepted(Box<Status>),
    /// The next request differs: after a gap, a batch that was too large, a new token.
    Again,
    /// The server asks for a delay, or has an error of its own; the data is kept.
    Wait(Option<Duration>),
    /// The server is not reached.
    Unreachable(String),
    /// The token is refused; a new one in its file may help.
    Unauthorized(String),
    /// The server takes no more reports of this run.
    Stopped {
        /// Why, for users.
        reason: String,
        /// Whether no later client can deliver them either.
        discard: bool,
    },
}

/// Sends the entries of one run.
#[derive(Debug)]
pub(crate) struct BatchSender<'a> {
    api: &'a Api,
    head: &'a Head,
    /// The number of the next entry that the server does not have.
    next: u64,
    acknowledged: Acknowledged,
    limits: ReadLimits,
    /// Entries that the server refuses, and the lines that replace them.
    replaced: HashMap<u64, String>,
    repeat_start: bool,
}

impl<'a> BatchSender<'a> {
    /// Continues after what the server has on its disk.
    pub(crate) fn new(api: &'a Api, head: &'a Head, acknowledged: Acknowledged) -> Self {
        let next = acknowledged.acked + 1;
        let replaced = HashMap::new();
        Self { api, head, next, acknowledged, limits: ReadLimits::default(), replaced, repeat_start: false }
    }

    /// Returns the number of the next entry to send.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn limits(&self) -> ReadLimits {
        self.limits
    }

    pub(crate) fn acknowledged(&self) -> &Acknowledged {
        &self.acknowledged
    }

    /// Sends entries that begin with number [`Self::next`]; without any it is a heartbeat.
    pub(crate) fn send(&mut self, entries: &[String]) -> Sent {
        let body = self.body(entries);
        match self.api.batch(&self.head.kind, &self.head.run, &body) {
            Ok(reply) => self.take(reply, entries.len()),
            Err(Unreachable(reason)) => Sent::Unreachable(reason),
        }
    }

    fn body(&self, entries: &[String]) -> String {
        let envelope = Batch {
            reporter: self.head.reporter.clone(),
            seq: self.next,
            epoch: self.acknowledged.epoch.clone(),
            acked: self.acknowledged.acked,
            sent_at: Some(wall_time()),
            heartbeat: Some(self.head.heartbeat),
            spools: true,
            start: self.repeat_start.then(|| Box::new(self.head.start.clone())),
            ..Batch::default()
        };
        let mut body = serde_json::to_string(&envelope).unwrap_or_default();
        // The entries are the last field, and are text already.
        debug_assert!(body.ends_with("[]}"), "{body}");
        body.truncate(body.len().saturating_sub(2));
        for (number, entry) in (self.next..).zip(entries) {
            if number > self.next {
                body.push(',');
            }
            body.push_str(self.replaced.get(&number).unwrap_or(entry));
        }
        body.push_str("]}");
        body
    }

    fn take(&mut self, reply: Reply, sent: usize) -> Sent {
        match reply.code {
            200..=299 => match reply.status() {
                Some(status) => self.accept(status),
                None => Sent::Stopped { reason: "the server is not a Milepost server".to_owned(), discard: false },
            },
            401 if self.api.renew_token() => Sent::Again,
            401 => Sent::Unauthorized(reply.describe()),
            409 if reply.problem().code == "gap" => self.close_gap(&reply.problem()),
            413 => self.shrink(sent, &reply),
            422 => self.replace_invalid(sent, &reply),
            408 | 425 | 429 | 500..=599 => Sent::Wait(reply.retry_after),
            code => {
                let ended = code == 409 && reply.problem().code == "run_ended";
                Sent::Stopped { reason: reply.describe(), discard: code == 410 || ended }
            }
        }
    }

    fn accept(&mut self, status: Status) -> Sent {
        let epoch = Some(status.epoch.clone()).filter(|epoch| !epoch.is_empty());
        let known = self.acknowledged.epoch.as_ref();
        self.repeat_start = epoch.is_some() && known.is_some() && known != epoch.as_ref();
        // After a restart the server has what was acknowledged, or says where it continues; never less.
        let acked = status.acked.min(status.received).max(self.acknowledged.acked);
        self.next = (status.received + 1).max(acked + 1);
        self.replaced.retain(|number, _| *number > acked);
        self.acknowledged = Acknowledged { acked, epoch: epoch.or(known.cloned()), job: Some(status.job) };
        self.limits = ReadLimits::default();
        Sent::Accepted(Box::new(status))
    }

    fn close_gap(&mut self, problem: &Problem) -> Sent {
        let next = problem.received.map_or(self.acknowledged.acked, |received| received) + 1;
        let next = next.max(self.acknowledged.acked + 1);
        if next == self.next {
            // It already sends what the server asks for.
            return Sent::Wait(None);
        }
        self.next = next;
        Sent::Again
    }

    fn shrink(&mut self, sent: usize, reply: &Reply) -> Sent {
        if sent <= 1 {
            return self.replace(self.next, sent, reply);
        }
        self.limits.halve(sent);
        Sent::Again
    }

    /// Replaces the entry that the server names; without a name, sends fewer entries to find it.
    fn replace_invalid(&mut self, sent: usize, reply: &Reply) -> Sent {
        let named = reply.problem().errors.iter().find_map(|error| {
            let index = error.pointer.strip_prefix("/entries/")?.split('/').next()?.parse::<usize>().ok()?;
            (index < sent).then_some(self.next + index as u64)
        });
        match named {
            Some(number) => self.replace(number, sent, reply),
            None => self.shrink(sent, reply),
        }
    }

    fn replace(&mut self, number: u64, sent: usize, reply: &Reply) -> Sent {
        if sent == 0 || self.replaced.contains_key(&number) {
            return Sent::Stopped { reason: reply.describe(), discard: false };
        }
        let text = format!("The server refused entry {number} of the report: {}", reply.describe());
        let lines = vec![(wall_time(), "warn".to_owned(), text)];
        let line = serde_json::to_string(&Entry::Log(LogLines { lines })).unwrap_or_default();
        self.replaced.insert(number, line);
        Sent::Again
    }
}
