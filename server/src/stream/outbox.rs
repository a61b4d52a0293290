//! The outbox: frames queued for one stream. Backpressure: it is bounded, whatever the client does. What exceeds the
//! bounds is dropped and replaced by a snapshot; of progress only the newest of each job is kept (conflation).

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use bytes::Bytes;
use engine::DurableEvent;
use model::{ByeReason, JobId, JobView, Seq, StreamEvent};

use super::encoding::{Encoding, Frame, Payload, encode};

/// The most durable frames in an outbox. A client further behind gets a snapshot.
const MAX_FRAMES: usize = 1_000;
/// The most bytes of durable frames.
const MAX_BYTES: usize = 1 << 20;
/// Bytes handed to the connection at once; a larger frame is sent alone.
const WRITE_SIZE: usize = 32 << 10;

/// A queue of durable events in order, and the newest progress of each job.
#[derive(Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    encoding: Encoding,
    /// Durable events up to here are queued, sent or part of a snapshot. Only rises, so that no event is sent twice.
    floor: Seq,
    /// The same of events that no snapshot includes.
    floor_of_others: Seq,
    durable: VecDeque<Entry>,
    durable_bytes: usize,
    /// Bytes that do not count against [`MAX_BYTES`]: the snapshot or replay with which the stream began. Otherwise a
    /// snapshot larger than the limit could never be sent.
    exempt_bytes: usize,
    /// Sorted by job, one frame each.
    progress: Vec<(JobId, Arc<Frame>)>,
    /// The bounds were exceeded: the content was dropped, and a snapshot must replace it.
    overflowed: bool,
    closing: Option<ByeReason>,
    waker: Option<Waker>,
    /// The stream delays its next write; it is woken before only by [`WRITE_SIZE`] bytes.
    coalescing: bool,
}

/// A part of the stream that must not be left out.
enum Entry {
    Event(Arc<Frame>),
    /// A snapshot for this stream alone, encoded; or an event older than it, without id, so that ids only rise.
    Snapshot(Bytes),
}

/// What is queued for a stream that delays its next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backlog {
    /// Nothing; the stream is woken by the next frame.
    Empty,
    /// Progress, or durable frames of less than one write; the stream is woken once a write is full.
    Partial,
    /// Something that must not wait any longer.
    Due,
}

/// The next thing to send.
pub(super) enum Taken {
    /// Nothing; the stream is woken by the next frame.
    Nothing,
    /// Encoded frames, and whether there are more.
    Frames(Bytes, bool),
    /// A snapshot must be read.
    Overflowed,
    /// Everything is sent, and the stream ends.
    Closing(ByeReason),
}

impl Outbox {
    pub(super) fn new(encoding: Encoding) -> Self {
        Self { queue: Mutex::new(Queue { encoding, ..Queue::default() }) }
    }

    pub(super) fn encoding(&self) -> Encoding {
        self.queue().encoding
    }

    /// Queues a durable frame unless it is known already. Frames come in rising order. Returns the stream's waker if
    /// the caller must wake it.
    #[must_use]
    pub(super) fn push(&self, seq: Seq, frame: &Arc<Frame>, epoch: &str) -> Option<Waker> {
        let mut queue = self.queue();
        let is_late = seq <= queue.floor;
        if is_late && (frame.is_in_snapshots() || seq <= queue.floor_of_others) {
            return None;
        }
        queue.floor = queue.floor.max(seq);
        queue.floor_of_others = seq;
        if queue.overflowed || queue.closing.is_some() {
            return None;
        }
        let entry = Entry::Event(Arc::clone(frame));
        let entry = if is_late { entry.without_id(queue.encoding) } else { entry };
        queue.enqueue(entry, epoch);
        queue.waker_if_due()
    }

    /// Replaces the queued progress of the job. Returns the waker like [`Outbox::push`].
    #[must_use]
    pub(super) fn push_progress(&self, job: JobId, frame: &Arc<Frame>) -> Option<Waker> {
        let mut queue = self.queue();
        if queue.overflowed || queue.closing.is_some() {
            return None;
        }
        match queue.progress_index(job) {
            Ok(index) => queue.progress[index].1 = Arc::clone(frame),
            Err(index) => queue.progress.insert(index, (job, Arc::clone(frame))),
        }
        queue.waker_if_due()
    }

    /// Closes the stream after what is queued; later frames are ignored.
    pub(super) fn close(&self, reason: ByeReason) {
        let mut queue = self.queue();
        queue.closing.get_or_insert(reason);
        queue.wake();
    }

    /// Closes the stream and drops what is queued: its user has lost access to it.
    pub(super) fn revoke(&self) {
        let mut queue = self.queue();
        queue.clear();
        queue.closing = Some(ByeReason::Revoked);
        queue.wake();
    }

    /// Queues an encoded snapshot of `jobs` behind what is queued.
    pub(super) fn append_snapshot(&self, snapshot: Bytes, jobs: &[JobView]) {
        let mut queue = self.queue();
        if !queue.overflowed {
            queue.enqueue(Entry::Snapshot(snapshot), "");
            queue.drop_included_progress(jobs);
            queue.wake();
        }
    }

    /// Drops what is queued, as if the bounds were exceeded: a snapshot must replace it.
    pub(super) fn overflow(&self) {
        let mut queue = self.queue();
        queue.clear();
        queue.overflowed = true;
        queue.wake();
    }

    /// Keeps frames from now on, because a snapshot is about to be read. After an overflow, older frames are dropped.
    pub(super) fn restart(&self) {
        let mut queue = self.queue();
        if mem::take(&mut queue.overflowed) {
            queue.clear();
        }
    }

    /// Puts the missed events up to `upto` before what is queued, and drops them from the queue.
    pub(super) fn prepend_missed(&self, upto: Seq, missed: impl IntoIterator<Item = Arc<Frame>>, epoch: &str) {
        let mut queue = self.queue();
        let queued = queue.begin_again(upto);
        queue.floor_of_others = queue.floor_of_others.max(upto);
        for frame in missed {
            queue.enqueue_exempt(Entry::Event(frame), epoch);
        }
        for entry in queued.into_iter().filter(|entry| entry.seq().is_none_or(|seq| seq > upto)) {
            queue.enqueue(entry, epoch);
        }
        queue.wake();
    }

    /// Puts a snapshot of `jobs` before what is queued, and drops from the queue what it includes: durable events up to
    /// `upto`, except those that no snapshot includes, and progress that is not ahead of `jobs`.
    pub(super) fn prepend_snapshot(&self, upto: Seq, snapshot: Bytes, jobs: &[JobView], epoch: &str) {
        let mut queue = self.queue();
        let encoding = queue.encoding;
        let queued = queue.begin_again(upto);
        queue.enqueue_exempt(Entry::Snapshot(snapshot), epoch);
        for entry in queued {
            let is_late = entry.seq().is_some_and(|seq| seq <= upto);
            match entry {
                Entry::Event(frame) if is_late && frame.is_in_snapshots() => {}
                entry if is_late => queue.enqueue(entry.without_id(encoding), epoch),
                entry => queue.enqueue(entry, epoch),
            }
        }
        queue.drop_included_progress(jobs);
        queue.wake();
    }

    /// Returns what was queued since the last write, for a stream that delays the next one.
    pub(super) fn backlog(&self, context: &Context<'_>) -> Backlog {
        let mut queue = self.queue();
        if queue.overflowed || queue.closing.is_some() || queue.durable_bytes >= WRITE_SIZE {
            return Backlog::Due;
        }
        queue.waker = Some(context.waker().clone());
        queue.coalescing = !queue.is_empty();
        if queue.coalescing { Backlog::Partial } else { Backlog::Empty }
    }

    /// Takes the frames of one write; progress only if `progress_due`. Calls `sent` with each durable event.
    pub(super) fn take(
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
        if queue.overflowed && queue.closing.is_none() {
            return Taken::Overflowed;
        }
        let progress_due = progress_due || queue.closing.is_some();
        let bytes = queue.next_write(progress_due, epoch, sent);
        if !bytes.is_empty() {
            return Taken::Frames(bytes, !queue.is_empty());
        }
        if let Some(reason) = queue.closing {
            return Taken::Closing(reason);
        }
        queue.waker = Some(context.waker().clone());
        queue.coalescing = false;
        Taken::Nothing
    }

    /// Returns the number of queued durable frames, their bytes, and the number of jobs whose progress is queued.
    pub(super) fn lengths(&self) -> (usize, usize, usize) {
        let queue = self.queue();
        (queue.durable.len(), queue.durable_bytes, queue.progress.len())
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Appends an entry, or overflows if the bounds are exceeded. A single entry never exceeds them.
    fn enqueue(&mut self, entry: Entry, epoch: &str) {
        if let Some(StreamEvent::State(state)) = entry.event().map(|event| &event.event) {
            self.drop_outdated_progress(&state.view);
        }
        let bytes = entry.bytes(self.encoding, epoch).len();
        let full = self.durable.len() >= MAX_FRAMES || self.durable_bytes + bytes > MAX_BYTES + self.exempt_bytes;
        if full && !self.durable.is_empty() {
            self.clear();
            self.overflowed = true;
            return;
        }
        self.durable_bytes += bytes;
        self.durable.push_back(entry);
    }

    /// Appends a part of the snapshot or replay with which the stream begins.
    fn enqueue_exempt(&mut self, entry: Entry, epoch: &str) {
        self.exempt_bytes += entry.bytes(self.encoding, epoch).len();
        self.enqueue(entry, epoch);
    }

    /// Takes the durable entries, because something that includes events up to `upto` comes before them.
    fn begin_again(&mut self, upto: Seq) -> VecDeque<Entry> {
        (self.durable_bytes, self.exempt_bytes) = (0, 0);
        self.floor = self.floor.max(upto);
        mem::take(&mut self.durable)
    }

    fn clear(&mut self) {
        self.durable = VecDeque::new();
        (self.durable_bytes, self.exempt_bytes) = (0, 0);
        self.progress.clear();
    }

    /// Returns the index of a job's progress, or where to insert it.
    fn progress_index(&self, job: JobId) -> Result<usize, usize> {
        self.progress.binary_search_by_key(&job, |(job, _)| *job)
    }

    fn drop_progress_if(&mut self, job: JobId, condition: impl FnOnce(&Frame) -> bool) {
        if let Ok(index) = self.progress_index(job)
            && condition(&self.progress[index].1)
        {
            self.progress.remove(index);
        }
    }

    /// Drops progress that may not follow `view`: of earlier attempts, and of its own attempt if that has ended.
    fn drop_outdated_progress(&mut self, view: &JobView) {
        self.drop_progress_if(view.job, |frame| !frame.may_follow(view));
    }

    /// Drops progress that a snapshot of `jobs` includes.
    fn drop_included_progress(&mut self, jobs: &[JobView]) {
        for job in jobs {
            self.drop_progress_if(job.job, |frame| !frame.is_ahead_of(job));
        }
    }

    /// Copies frames into one buffer; a single frame is passed on without a copy.
    fn next_write(&mut self, progress_due: bool, epoch: &str, mut sent: impl FnMut(&DurableEvent)) -> Bytes {
        let encoding = self.encoding;
        let durable = self.durable.iter().map(|entry| entry.bytes(encoding, epoch));
        let progress = self.progress.iter().filter(|_| progress_due).map(|(_, frame)| frame.bytes(encoding, epoch));
        let frames = || durable.clone().chain(progress.clone());
        let (mut count, mut length) = (0, 0);
        for frame in frames() {
            if count > 0 && length + frame.len() > WRITE_SIZE {
                break;
            }
            (count, length) = (count + 1, length + frame.len());
        }
        let bytes = if count == 1 {
            frames().next().cloned().unwrap_or_default()
        } else {
            let mut all = Vec::with_capacity(length);
            frames().take(count).for_each(|frame| all.extend_from_slice(frame));
            all.into()
        };
        let durable_count = count.min(self.durable.len());
        for entry in self.durable.drain(..durable_count) {
            self.durable_bytes -= entry.bytes(encoding, epoch).len();
            if let Some(event) = entry.event() {
                sent(event);
            }
        }
        if self.durable.is_empty() {
            self.exempt_bytes = 0;
        }
        self.progress.drain(..count - durable_count);
        bytes
    }

    fn is_empty(&self) -> bool {
        self.durable.is_empty() && self.progress.is_empty()
    }

    /// Takes the waker, unless the stream delays its next write and that is not full.
    fn waker_if_due(&mut self) -> Option<Waker> {
        if self.coalescing && self.durable_bytes < WRITE_SIZE && !self.overflowed { None } else { self.waker.take() }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl Entry {
    fn event(&self) -> Option<&DurableEvent> {
        match self {
            Self::Event(frame) => match &frame.payload {
                Payload::Durable(event) => Some(event),
                Payload::Progress(_) => None,
            },
            Self::Snapshot(_) => None,
        }
    }

    fn seq(&self) -> Option<Seq> {
        self.event().map(|event| event.seq)
    }

    fn without_id(self, encoding: Encoding) -> Self {
        match self.event() {
            Some(event) => Self::Snapshot(encode(encoding, &event.event, None)),
            None => self,
        }
    }

    fn bytes<'a>(&'a self, encoding: Encoding, epoch: &str) -> &'a Bytes {
        match self {
            Self::Event(frame) => frame.bytes(encoding, epoch),
            Self::Snapshot(bytes) => bytes,
        }
    }
}
