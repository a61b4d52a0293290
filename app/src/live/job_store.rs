//! Job store: one signal a job, and the subscribers of events.

use std::rc::Rc;

use leptos::{prelude::*, reactive::owner::WeakOwner};
use model::{
    Counts, Cursor, JobId, JobView, LogEvent, MessageEvent, MessageTo, Seq, Snapshot, StateEvent, StreamEvent,
};

use super::{
    merge::{AsOf, LogMark},
    subscriptions::{Interest, Interests},
};

/// A call to make once the store is not borrowed, because it may call the store again.
pub(super) type Call = Box<dyn FnOnce()>;

#[derive(Default)]
pub(super) struct JobStore {
    /// What is shown; the topics follow from it.
    pub(super) interests: Interests,
    /// The last event applied.
    pub(super) cursor: Option<Cursor>,
    jobs: Vec<StoredJob>,
    counts: Option<ArcRwSignal<Counts>>,
    counts_as_of: Seq,
    subscribers: Vec<(u64, Subscriber)>,
    subscriber_ids: u64,
}

struct StoredJob {
    job: JobId,
    view: ArcRwSignal<JobView>,
    as_of: AsOf,
}

enum Subscriber {
    States(Callback<StateEvent>),
    Changes(Callback<JobView>),
    Controls(Callback<()>),
    Messages(Callback<Option<MessageEvent>>),
    Log(JobId, LogMark, Callback<LogEvent>),
}

/// A function with its reactive owner: what it creates is freed with the owner, and it is not called after.
struct Callback<T> {
    function: Rc<dyn Fn(&T)>,
    owner: Option<WeakOwner>,
}

impl<T: 'static> Callback<T> {
    fn new(function: impl Fn(&T) + 'static) -> Self {
        Self { function: Rc::new(function), owner: Owner::current().map(|owner| owner.downgrade()) }
    }

    fn call(&self, event: Rc<T>) -> Call {
        let (function, owner) = (Rc::clone(&self.function), self.owner.clone());
        Box::new(move || match owner.map(|owner| owner.upgrade()) {
            Some(Some(owner)) => owner.with(|| function(&event)),
            Some(None) => {}
            None => function(&event),
        })
    }
}

impl JobStore {
    pub(super) fn job(&mut self, initial: &JobView) -> ArcRwSignal<JobView> {
        self.interests.add(Interest::Row(initial.job));
        let job = initial.job;
        if let Some(shown) = self.shown(job) {
            return shown.view.clone();
        }
        let view = ArcRwSignal::new(initial.clone());
        self.jobs.push(StoredJob { job, view: view.clone(), as_of: AsOf::default() });
        view
    }

    fn shown(&mut self, job: JobId) -> Option<&mut StoredJob> {
        self.jobs.iter_mut().find(|shown| shown.job == job)
    }

    pub(super) fn counts(&mut self, initial: Counts) -> ArcRwSignal<Counts> {
        self.interests.add(Interest::Jobs);
        self.counts.get_or_insert_with(|| ArcRwSignal::new(initial)).clone()
    }

    pub(super) fn on_state(&mut self, handler: impl Fn(&StateEvent) + 'static) -> u64 {
        self.interests.add(Interest::Jobs);
        self.subscribe(Subscriber::States(Callback::new(handler)))
    }

    pub(super) fn on_change(&mut self, handler: impl Fn(&JobView) + 'static) -> u64 {
        self.subscribe(Subscriber::Changes(Callback::new(handler)))
    }

    pub(super) fn on_control(&mut self, handler: impl Fn() + 'static) -> u64 {
        self.interests.add(Interest::Jobs);
        self.subscribe(Subscriber::Controls(Callback::new(move |()| handler())))
    }

    pub(super) fn on_message(&mut self, handler: impl Fn(Option<&MessageEvent>) + 'static) -> u64 {
        self.interests.add(Interest::Messages);
        self.subscribe(Subscriber::Messages(Callback::new(move |message: &Option<MessageEvent>| {
            handler(message.as_ref());
        })))
    }

    pub(super) fn on_log(&mut self, job: JobId, handler: impl Fn(&LogEvent) + 'static) -> u64 {
        self.interests.add(Interest::Log(job));
        self.subscribe(Subscriber::Log(job, LogMark::default(), Callback::new(handler)))
    }

    fn subscribe(&mut self, subscriber: Subscriber) -> u64 {
        self.subscriber_ids += 1;
        self.subscribers.push((self.subscriber_ids, subscriber));
        self.subscriber_ids
    }

    pub(super) fn unsubscribe(&mut self, subscriber: u64) {
        self.subscribers.retain(|(id, _)| *id != subscriber);
    }

    /// Applies an event. `cursor` is the position of a durable event or of a whole snapshot.
    pub(super) fn apply(&mut self, event: StreamEvent, cursor: Option<Cursor>) -> Vec<Call> {
        let mut calls = Vec::new();
        match event {
            StreamEvent::Progress(event) => {
                if let Some(shown) = self.shown(event.job)
                    && let mut view = shown.view.get_untracked()
                    && view.apply_progress(event.attempt, event.progress)
                {
                    shown.view.set(view);
                }
            }
            StreamEvent::Snapshot(snapshot) => self.apply_snapshot(*snapshot, cursor, &mut calls),
            StreamEvent::State(event) => {
                if let Some(seq) = self.advance(cursor) {
                    self.apply_state(seq, *event, &mut calls);
                }
            }
            StreamEvent::Log(event) => {
                if self.advance(cursor).is_some() {
                    self.apply_log(&event, &mut calls);
                }
            }
            StreamEvent::QueueControl(_) | StreamEvent::Schedule(_) => {
                if self.advance(cursor).is_some() {
                    self.notify_control(&mut calls);
                }
            }
            StreamEvent::Message(event) => {
                // The stream may be shared with tabs that show other jobs.
                let concerns = match event.to {
                    MessageTo::Job { job } | MessageTo::Note { job } => self.interests.opens(job),
                    MessageTo::Everyone | MessageTo::User { .. } => true,
                };
                if self.advance(cursor).is_some() && concerns {
                    self.notify_message(Some(event), &mut calls);
                }
            }
            StreamEvent::Hello(_) | StreamEvent::Heartbeat(_) | StreamEvent::Bye(_) | StreamEvent::End(_) => {}
        }
        calls
    }

    /// Moves the position without an event.
    pub(super) fn pass(&mut self, cursor: Option<Cursor>) {
        self.advance(cursor);
    }

    /// Moves the cursor; `None` if the event was already applied.
    fn advance(&mut self, cursor: Option<Cursor>) -> Option<Seq> {
        let cursor = cursor?;
        if self.cursor.as_ref().is_some_and(|known| known.epoch == cursor.epoch && known.seq >= cursor.seq) {
            return None;
        }
        let seq = cursor.seq;
        self.cursor = Some(cursor);
        Some(seq)
    }

    fn apply_state(&mut self, seq: Seq, event: StateEvent, calls: &mut Vec<Call>) {
        self.merge(seq, &event.view, calls);
        self.count(seq, event.counts);
        let event = Rc::new(event);
        for (_, subscriber) in &self.subscribers {
            if let Subscriber::States(callback) = subscriber {
                calls.push(callback.call(Rc::clone(&event)));
            }
        }
    }

    fn notify_control(&self, calls: &mut Vec<Call>) {
        for (_, subscriber) in &self.subscribers {
            if let Subscriber::Controls(callback) = subscriber {
                calls.push(callback.call(Rc::new(())));
            }
        }
    }

    fn notify_message(&self, message: Option<MessageEvent>, calls: &mut Vec<Call>) {
        let message = Rc::new(message);
        for (_, subscriber) in &self.subscribers {
            if let Subscriber::Messages(callback) = subscriber {
                calls.push(callback.call(Rc::clone(&message)));
            }
        }
    }

    fn apply_snapshot(&mut self, snapshot: Snapshot, cursor: Option<Cursor>, calls: &mut Vec<Call>) {
        let Snapshot { jobs, logs, counts, seq, partial } = snapshot;
        if !partial && cursor.is_some() {
            let same_log = self.cursor.as_ref().map(|known| &known.epoch) == cursor.as_ref().map(|new| &new.epoch);
            if !same_log {
                self.counts_as_of = Seq(0);
                self.jobs.iter_mut().for_each(|shown| shown.as_of = AsOf::default());
            }
            self.cursor = cursor;
            self.notify_control(calls);
            self.notify_message(None, calls);
        }
        for view in jobs {
            let (known, changed) = self.merge(seq, &view, calls);
            if !partial && (changed || !known) {
                let event = StateEvent { view, code: None, counts: None };
                self.apply_state(seq, event, calls);
            }
        }
        self.count(seq, counts);
        for lines in &logs {
            self.apply_log(lines, calls);
        }
    }

    /// Merges a job. Returns whether it is shown, and whether its shown state changed.
    fn merge(&mut self, seq: Seq, incoming: &JobView, calls: &mut Vec<Call>) -> (bool, bool) {
        let Some(shown) = self.shown(incoming.job) else { return (false, false) };
        let before = shown.view.get_untracked();
        let Some(view) = shown.as_of.merge(seq, &before, incoming) else { return (true, false) };
        let changed = (view.attempt, view.shown()) != (before.attempt, before.shown());
        shown.view.set(view.clone());
        if changed {
            let view = Rc::new(view);
            for (_, subscriber) in &self.subscribers {
                if let Subscriber::Changes(callback) = subscriber {
                    calls.push(callback.call(Rc::clone(&view)));
                }
            }
        }
        (true, changed)
    }

    fn count(&mut self, seq: Seq, counts: Option<Counts>) {
        if let (Some(signal), Some(counts)) = (&self.counts, counts)
            && seq >= self.counts_as_of
        {
            self.counts_as_of = seq;
            signal.set(counts);
        }
    }

    fn apply_log(&mut self, event: &LogEvent, calls: &mut Vec<Call>) {
        for (_, subscriber) in &mut self.subscribers {
            if let Subscriber::Log(job, mark, callback) = subscriber
                && *job == event.job
                && let Some(unread) = mark.unread(event)
            {
                calls.push(callback.call(Rc::new(unread)));
            }
        }
    }
}
