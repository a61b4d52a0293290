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
    jobs: Vec<Shown>,
    counts: Option<ArcRwSignal<Counts>>,
    counts_as_of: Seq,
    hearers: Vec<(u64, Subscriber)>,
    hearers_ever: u64,
}

struct Shown {
    job: JobId,
    view: ArcRwSignal<JobView>,
    as_of: AsOf,
}

enum Subscriber {
    States(Callback<StateEvent>),
    Changes(Callback<JobView>),
    Gates(Callback<()>),
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
    pub(super) fn show(&mut self, initial: &JobView) -> ArcRwSignal<JobView> {
        self.interests.add(Interest::Row(initial.job));
        let job = initial.job;
        if let Some(shown) = self.shown(job) {
            return shown.view.clone();
        }
        let view = ArcRwSignal::new(initial.clone());
        self.jobs.push(Shown { job, view: view.clone(), as_of: AsOf::default() });
        view
    }

    fn shown(&mut self, job: JobId) -> Option<&mut Shown> {
        self.jobs.iter_mut().find(|shown| shown.job == job)
    }

    pub(super) fn counts(&mut self, initial: Counts) -> ArcRwSignal<Counts> {
        self.interests.add(Interest::Jobs);
        self.counts.get_or_insert_with(|| ArcRwSignal::new(initial)).clone()
    }

    pub(super) fn hear_states(&mut self, hear: impl Fn(&StateEvent) + 'static) -> u64 {
        self.interests.add(Interest::Jobs);
        self.listen(Subscriber::States(Callback::new(hear)))
    }

    pub(super) fn hear_changes(&mut self, hear: impl Fn(&JobView) + 'static) -> u64 {
        self.listen(Subscriber::Changes(Callback::new(hear)))
    }

    pub(super) fn hear_gates(&mut self, hear: impl Fn() + 'static) -> u64 {
        self.interests.add(Interest::Jobs);
        self.listen(Subscriber::Gates(Callback::new(move |()| hear())))
    }

    pub(super) fn hear_messages(&mut self, hear: impl Fn(Option<&MessageEvent>) + 'static) -> u64 {
        self.interests.add(Interest::Messages);
        self.listen(Subscriber::Messages(Callback::new(move |message: &Option<MessageEvent>| hear(message.as_ref()))))
    }

    pub(super) fn hear_log(&mut self, job: JobId, hear: impl Fn(&LogEvent) + 'static) -> u64 {
        self.interests.add(Interest::Log(job));
        self.listen(Subscriber::Log(job, LogMark::default(), Callback::new(hear)))
    }

    fn listen(&mut self, hearer: Subscriber) -> u64 {
        self.hearers_ever += 1;
        self.hearers.push((self.hearers_ever, hearer));
        self.hearers_ever
    }

    pub(super) fn silence(&mut self, hearer: u64) {
        self.hearers.retain(|(id, _)| *id != hearer);
    }

    /// Applies an event. `cursor` is the position of a durable event or of a whole snapshot.
    pub(super) fn hear(&mut self, event: StreamEvent, cursor: Option<Cursor>) -> Vec<Call> {
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
            StreamEvent::Snapshot(snapshot) => self.hear_snapshot(*snapshot, cursor, &mut calls),
            StreamEvent::State(event) => {
                if let Some(seq) = self.advance(cursor) {
                    self.hear_state(seq, *event, &mut calls);
                }
            }
            StreamEvent::Log(event) => {
                if self.advance(cursor).is_some() {
                    self.hear_lines(&event, &mut calls);
                }
            }
            StreamEvent::QueueControl(_) => {
                if self.advance(cursor).is_some() {
                    self.hear_gate(&mut calls);
                }
            }
            StreamEvent::Message(event) => {
                // The stream may be shared with tabs that show other jobs.
                let concerns = match event.to {
                    MessageTo::Job { job } | MessageTo::Note { job } => self.interests.opens(job),
                    MessageTo::Everyone | MessageTo::User { .. } => true,
                };
                if self.advance(cursor).is_some() && concerns {
                    self.hear_message(Some(event), &mut calls);
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

    fn hear_state(&mut self, seq: Seq, event: StateEvent, calls: &mut Vec<Call>) {
        self.merge(seq, &event.view, calls);
        self.count(seq, event.counts);
        let event = Rc::new(event);
        for (_, hearer) in &self.hearers {
            if let Subscriber::States(callback) = hearer {
                calls.push(callback.call(Rc::clone(&event)));
            }
        }
    }

    fn hear_gate(&self, calls: &mut Vec<Call>) {
        for (_, hearer) in &self.hearers {
            if let Subscriber::Gates(callback) = hearer {
                calls.push(callback.call(Rc::new(())));
            }
        }
    }

    fn hear_message(&self, message: Option<MessageEvent>, calls: &mut Vec<Call>) {
        let message = Rc::new(message);
        for (_, hearer) in &self.hearers {
            if let Subscriber::Messages(callback) = hearer {
                calls.push(callback.call(Rc::clone(&message)));
            }
        }
    }

    fn hear_snapshot(&mut self, snapshot: Snapshot, cursor: Option<Cursor>, calls: &mut Vec<Call>) {
        let Snapshot { jobs, logs, counts, seq, partial } = snapshot;
        if !partial && cursor.is_some() {
            let same_log = self.cursor.as_ref().map(|known| &known.epoch) == cursor.as_ref().map(|new| &new.epoch);
            if !same_log {
                self.counts_as_of = Seq(0);
                self.jobs.iter_mut().for_each(|shown| shown.as_of = AsOf::default());
            }
            self.cursor = cursor;
            self.hear_gate(calls);
            self.hear_message(None, calls);
        }
        for view in jobs {
            let (known, changed) = self.merge(seq, &view, calls);
            if !partial && (changed || !known) {
                let event = StateEvent { view, code: None, counts: None };
                self.hear_state(seq, event, calls);
            }
        }
        self.count(seq, counts);
        for lines in &logs {
            self.hear_lines(lines, calls);
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
            for (_, hearer) in &self.hearers {
                if let Subscriber::Changes(callback) = hearer {
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

    fn hear_lines(&mut self, event: &LogEvent, calls: &mut Vec<Call>) {
        for (_, hearer) in &mut self.hearers {
            if let Subscriber::Log(job, mark, callback) = hearer
                && *job == event.job
                && let Some(unread) = mark.unread(event)
            {
                calls.push(callback.call(Rc::new(unread)));
            }
        }
    }
}
