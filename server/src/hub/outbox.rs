//! What waits for one reader. Bounded, whatever the reader does.

use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use bytes::{Bytes, BytesMut};
use engine::DurableEvent;
use model::{ByeReason, JobId, JobView, Seq, StreamEvent};

use super::frame::{Event, Form, Frame};

/// A reader this many durable frames behind is better served with a new snapshot.
const MOST_FRAMES: usize = 1_000;
/// Or this many bytes of them.
const MOST_BYTES: usize = 1 << 20;
/// So much is handed to the connection at once, bytes; a larger frame goes alone.
const ONE_WRITE: usize = 32 << 10;

/// An ordered queue for durable events, and the newest progress of each job.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    form: Form,
    /// Durable events up to here are queued, sent or part of a snapshot: rises, so that none is sent twice.
    floor: Seq,
    durable: VecDeque<Entry>,
    durable_bytes: usize,
    progress: BTreeMap<JobId, Arc<Frame>>,
    /// More came than fits: what waited has been thrown away, and a snapshot must take its place.
    overflown: bool,
    closing: Option<ByeReason>,
    reader: Option<Waker>,
}

/// A part of the stream that must not be left out.
pub(crate) enum Entry {
    /// A durable event.
    Event(Arc<Frame>),
    /// Bytes in this reader's form, for it alone: a snapshot.
    Own(Bytes),
}

/// What a reader finds.
pub(crate) enum Taken {
    /// Nothing; it is woken when that changes.
    Nothing,
    /// Frames, ready to be sent, and whether the last of them are progress.
    Frames(Bytes, bool),
    /// Only progress, which may not be sent yet.
    Early,
    /// A snapshot has to be read.
    Overflown,
    /// The end: nothing waits any more.
    Closing(ByeReason),
}

impl Outbox {
    /// For a reader of this form.
    pub(super) fn new(form: Form) -> Self {
        Self { queue: Mutex::new(Queue { form, ..Queue::default() }) }
    }

    /// How its reader wants to be told.
    pub(crate) fn form(&self) -> Form {
        self.queue().form
    }

    /// Queues a durable frame unless it is known already. Frames come in rising order. Answers the reader where it waits:
    /// to be woken by the caller.
    #[must_use]
    pub(super) fn push(&self, seq: Seq, frame: &Arc<Frame>, epoch: &str) -> Option<Waker> {
        let mut queue = self.queue();
        if seq <= queue.floor {
            return None;
        }
        queue.floor = seq;
        if queue.overflown {
            return None;
        }
        queue.enqueue(Entry::Event(Arc::clone(frame)), epoch);
        queue.reader.take()
    }

    /// Replaces what waits of the job's progress. Answers the reader like [`Outbox::push`].
    #[must_use]
    pub(super) fn push_progress(&self, job: JobId, frame: &Arc<Frame>) -> Option<Waker> {
        let mut queue = self.queue();
        if queue.overflown {
            return None;
        }
        queue.progress.insert(job, Arc::clone(frame));
        queue.reader.take()
    }

    /// Asks the reader to send what waits and to end.
    pub(crate) fn close(&self, reason: ByeReason) {
        let mut queue = self.queue();
        queue.closing.get_or_insert(reason);
        queue.wake();
    }

    /// Ends the stream before anything that waits for it is sent: its reader may not hear it any more.
    pub(crate) fn revoke(&self) {
        let mut queue = self.queue();
        queue.clear();
        queue.closing = Some(ByeReason::Revoked);
        queue.wake();
    }

    /// Queues bytes for this reader alone, behind what waits: a snapshot of `jobs`.
    pub(crate) fn append(&self, snapshot: Bytes, jobs: &[JobView]) {
        let mut queue = self.queue();
        if !queue.overflown {
            queue.enqueue(Entry::Own(snapshot), "");
            queue.catch_up(jobs);
            queue.wake();
        }
    }

    /// Throws away what waits, as what is more than fits: a snapshot must take its place.
    pub(super) fn overflow(&self) {
        let mut queue = self.queue();
        queue.clear();
        queue.overflown = true;
        queue.wake();
    }

    /// After an overflow: what comes from now on is kept again, because a snapshot is about to be read.
    pub(crate) fn restart(&self) {
        self.queue().overflown = false;
    }

    /// Puts `first` (a snapshot of `jobs`, or missed events) before what waits, and drops from that what `first`
    /// takes in: durable events up to `upto`, and progress that is not ahead of `jobs`.
    pub(crate) fn install(&self, upto: Seq, first: impl IntoIterator<Item = Entry>, jobs: &[JobView], epoch: &str) {
        let mut queue = self.queue();
        let waiting = mem::take(&mut queue.durable);
        queue.durable_bytes = 0;
        queue.floor = queue.floor.max(upto);
        let newer = waiting.into_iter().filter(|entry| entry.seq().is_none_or(|seq| seq > upto));
        for entry in first.into_iter().chain(newer) {
            queue.enqueue(entry, epoch);
        }
        queue.catch_up(jobs);
        queue.wake();
    }

    /// Takes what one write should carry; progress only if `progress_due`. `sent` is told of each durable event.
    pub(crate) fn take(
        &self,
        progress_due: bool,
        epoch: &str,
        context: &Context<'_>,
        sent: impl FnMut(&DurableEvent),
    ) -> Taken {
        let mut queue = self.queue();
        if queue.closing == Some(ByeReason::Revoked) {
            return Taken::Closing(ByeReason::Revoked);
        }
        if queue.overflown && queue.closing.is_none() {
            return Taken::Overflown;
        }
        let progress_due = progress_due || queue.closing.is_some();
        let moving = queue.progress.len();
        let bytes = queue.one_write(progress_due, epoch, sent);
        if !bytes.is_empty() {
            return Taken::Frames(bytes, queue.progress.len() < moving);
        }
        if let Some(reason) = queue.closing {
            return Taken::Closing(reason);
        }
        queue.reader = Some(context.waker().clone());
        if queue.progress.is_empty() { Taken::Nothing } else { Taken::Early }
    }

    /// Durable frames that wait, their bytes, and jobs whose progress waits.
    pub(super) fn backlog(&self) -> (usize, usize, usize) {
        let queue = self.queue();
        (queue.durable.len(), queue.durable_bytes, queue.progress.len())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Appends, or gives up on what waits where it is too much. A single entry is never too much.
    fn enqueue(&mut self, entry: Entry, epoch: &str) {
        if let Some(StreamEvent::State(state)) = entry.event().map(|event| &event.event) {
            self.outdate(&state.view);
        }
        let bytes = entry.bytes(self.form, epoch).len();
        let full = self.durable.len() >= MOST_FRAMES || self.durable_bytes + bytes > MOST_BYTES;
        if full && !self.durable.is_empty() {
            self.clear();
            self.overflown = true;
            return;
        }
        self.durable_bytes += bytes;
        self.durable.push_back(entry);
    }

    fn clear(&mut self) {
        self.durable = VecDeque::new();
        self.durable_bytes = 0;
        self.progress.clear();
    }

    /// Drops the progress that nobody may see after `view`: of attempts before it, and of its own if that is over.
    fn outdate(&mut self, view: &JobView) {
        if self.progress.get(&view.job).is_some_and(|frame| !frame.may_follow(view)) {
            self.progress.remove(&view.job);
        }
    }

    /// Drops the progress that a snapshot of `jobs` takes in.
    fn catch_up(&mut self, jobs: &[JobView]) {
        for job in jobs {
            if self.progress.get(&job.job).is_some_and(|frame| !frame.is_ahead_of(job)) {
                self.progress.remove(&job.job);
            }
        }
    }

    fn one_write(&mut self, progress_due: bool, epoch: &str, mut sent: impl FnMut(&DurableEvent)) -> Bytes {
        let mut write = Write::default();
        while let Some(entry) = self.durable.front() {
            let bytes = entry.bytes(self.form, epoch);
            if !write.has_room_for(bytes) {
                return write.finish();
            }
            write.add(bytes);
            self.durable_bytes -= bytes.len();
            if let Some(event) = entry.event() {
                sent(event);
            }
            self.durable.pop_front();
        }
        while progress_due && let Some(entry) = self.progress.first_entry() {
            let bytes = entry.get().bytes(self.form, epoch);
            if !write.has_room_for(bytes) {
                break;
            }
            write.add(bytes);
            entry.remove();
        }
        write.finish()
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Entry {
    fn event(&self) -> Option<&DurableEvent> {
        match self {
            Self::Event(frame) => match &frame.event {
                Event::Durable(event) => Some(event),
                Event::Progress(_) => None,
            },
            Self::Own(_) => None,
        }
    }

    fn seq(&self) -> Option<Seq> {
        self.event().map(|event| event.seq)
    }

    fn bytes<'a>(&'a self, form: Form, epoch: &str) -> &'a Bytes {
        match self {
            Self::Event(frame) => frame.bytes(form, epoch),
            Self::Own(bytes) => bytes,
        }
    }
}

/// Gathers frames into one piece of memory; a single one is passed on as it is, without a copy.
#[derive(Default)]
struct Write {
    first: Bytes,
    all: BytesMut,
}

impl Write {
    fn has_room_for(&self, frame: &Bytes) -> bool {
        self.first.is_empty() || self.first.len().max(self.all.len()) + frame.len() <= ONE_WRITE
    }

    fn add(&mut self, frame: &Bytes) {
        if self.first.is_empty() {
            self.first = frame.clone();
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(frame);
    }

    fn finish(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
