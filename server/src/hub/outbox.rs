//! What waits for one reader. Bounded, whatever the reader does.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use bytes::Bytes;
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
    /// So many bytes of them do not count against the limit: those of what a reader is caught up with, which is as large as
    /// it is. Else a snapshot that is larger than the limit would never come through.
    spared_bytes: usize,
    /// By job, each once.
    progress: Vec<(JobId, Arc<Frame>)>,
    /// More came than fits: what waited has been thrown away, and a snapshot must take its place.
    overflown: bool,
    closing: Option<ByeReason>,
    reader: Option<Waker>,
    /// The reader rests, and is to be woken only once much waits for it.
    resting: bool,
}

/// A part of the stream that must not be left out.
pub(crate) enum Entry {
    /// A durable event.
    Event(Arc<Frame>),
    /// Bytes in this reader's form, for it alone: a snapshot.
    Own(Bytes),
}

/// What waits for a reader that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Nothing; it is woken when something comes.
    Nothing,
    /// Durable frames of less than one write, or progress; it is woken when there are more of the former.
    Little,
    /// Something that is not to wait any longer.
    Much,
}

/// What a reader finds.
pub(crate) enum Taken {
    /// Nothing that may be sent; it is woken when something comes.
    Nothing,
    /// Frames, ready to be sent, and whether there are more.
    Frames(Bytes, bool),
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
        if queue.overflown || queue.closing.is_some() {
            return None;
        }
        queue.enqueue(Entry::Event(Arc::clone(frame)), epoch);
        queue.reader_to_wake()
    }

    /// Replaces what waits of the job's progress. Answers the reader like [`Outbox::push`].
    #[must_use]
    pub(super) fn push_progress(&self, job: JobId, frame: &Arc<Frame>) -> Option<Waker> {
        let mut queue = self.queue();
        if queue.overflown || queue.closing.is_some() {
            return None;
        }
        match queue.moved(job) {
            Ok(place) => queue.progress[place].1 = Arc::clone(frame),
            Err(place) => queue.progress.insert(place, (job, Arc::clone(frame))),
        }
        queue.reader_to_wake()
    }

    /// Asks the reader to send what waits, and nothing that comes later, and to end.
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

    /// What comes from now on is kept, because a snapshot is about to be read. After an overflow nothing from before it is.
    pub(crate) fn restart(&self) {
        let mut queue = self.queue();
        if mem::take(&mut queue.overflown) {
            queue.clear();
        }
    }

    /// Puts `first` (a snapshot of `jobs`, or missed events) before what waits, and drops from that what `first`
    /// takes in: durable events up to `upto`, and progress that is not ahead of `jobs`.
    pub(crate) fn install(&self, upto: Seq, first: impl IntoIterator<Item = Entry>, jobs: &[JobView], epoch: &str) {
        let mut queue = self.queue();
        let waiting = mem::take(&mut queue.durable);
        (queue.durable_bytes, queue.spared_bytes) = (0, 0);
        queue.floor = queue.floor.max(upto);
        let newer = waiting.into_iter().filter(|entry| entry.seq().is_none_or(|seq| seq > upto));
        for entry in first {
            queue.spared_bytes += entry.bytes(queue.form, epoch).len();
            queue.enqueue(entry, epoch);
        }
        for entry in newer {
            queue.enqueue(entry, epoch);
        }
        queue.catch_up(jobs);
        queue.wake();
    }

    /// Looks, for a reader that has just taken all there was, what has come since.
    pub(crate) fn waiting(&self, context: &Context<'_>) -> Waiting {
        let mut queue = self.queue();
        if queue.overflown || queue.closing.is_some() || queue.durable_bytes >= ONE_WRITE {
            return Waiting::Much;
        }
        queue.reader = Some(context.waker().clone());
        queue.resting = !queue.is_empty();
        if queue.resting { Waiting::Little } else { Waiting::Nothing }
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
        let bytes = queue.one_write(progress_due, epoch, sent);
        if !bytes.is_empty() {
            return Taken::Frames(bytes, !queue.is_empty());
        }
        if let Some(reason) = queue.closing {
            return Taken::Closing(reason);
        }
        queue.reader = Some(context.waker().clone());
        queue.resting = false;
        Taken::Nothing
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
        let full = self.durable.len() >= MOST_FRAMES || self.durable_bytes + bytes > MOST_BYTES + self.spared_bytes;
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
        (self.durable_bytes, self.spared_bytes) = (0, 0);
        self.progress.clear();
    }

    /// Where the progress of a job is, or belongs.
    fn moved(&self, job: JobId) -> Result<usize, usize> {
        self.progress.binary_search_by_key(&job, |(job, _)| *job)
    }

    /// Drops the progress of a job, if it is so.
    fn drop_progress(&mut self, job: JobId, if_so: impl FnOnce(&Frame) -> bool) {
        if let Ok(place) = self.moved(job)
            && if_so(&self.progress[place].1)
        {
            self.progress.remove(place);
        }
    }

    /// Drops the progress that nobody may see after `view`: of attempts before it, and of its own if that is over.
    fn outdate(&mut self, view: &JobView) {
        self.drop_progress(view.job, |frame| !frame.may_follow(view));
    }

    /// Drops the progress that a snapshot of `jobs` takes in.
    fn catch_up(&mut self, jobs: &[JobView]) {
        for job in jobs {
            self.drop_progress(job.job, |frame| !frame.is_ahead_of(job));
        }
    }

    /// Gathers frames into one piece of memory; a single one is passed on as it is, without a copy.
    fn one_write(&mut self, progress_due: bool, epoch: &str, mut sent: impl FnMut(&DurableEvent)) -> Bytes {
        let form = self.form;
        let durable = self.durable.iter().map(|entry| entry.bytes(form, epoch));
        let progress = self.progress.iter().filter(|_| progress_due).map(|(_, frame)| frame.bytes(form, epoch));
        let frames = || durable.clone().chain(progress.clone());
        let (mut count, mut length) = (0, 0);
        for frame in frames() {
            if count > 0 && length + frame.len() > ONE_WRITE {
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
        let told = count.min(self.durable.len());
        for entry in self.durable.drain(..told) {
            self.durable_bytes -= entry.bytes(form, epoch).len();
            if let Some(event) = entry.event() {
                sent(event);
            }
        }
        if self.durable.is_empty() {
            self.spared_bytes = 0;
        }
        self.progress.drain(..count - told);
        bytes
    }

    fn is_empty(&self) -> bool {
        self.durable.is_empty() && self.progress.is_empty()
    }

    /// The reader, unless there is none, or too little for one that rests.
    fn reader_to_wake(&mut self) -> Option<Waker> {
        if self.resting && self.durable_bytes < ONE_WRITE && !self.overflown { None } else { self.reader.take() }
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
