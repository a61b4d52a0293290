//! Relays store events: cancels attempts that run here, wakes the scheduler, and notifies the host's listener.

use std::sync::Arc;

use model::{ProgressEvent, StreamEvent};

use crate::{
    Listener,
    attempt::{cancel, running::RunningAttempts},
    runtime::scheduler_waker::SchedulerWaker,
    store::{self, DurableEvent},
};

/// Listens to the store for the engine, and passes events on to the host's listener.
pub(crate) struct Relay {
    pub(crate) live: Arc<RunningAttempts>,
    pub(crate) scheduler_waker: Arc<SchedulerWaker>,
    pub(crate) listener: Option<Arc<dyn Listener>>,
}

impl Listener for Relay {
    fn durable(&self, events: &[Arc<DurableEvent>]) {
        for event in events {
            let StreamEvent::State(state) = &event.event else { continue };
            if state.view.state.is_terminal() {
                self.scheduler_waker.job_ended();
            }
            if state.code.as_deref() == Some(store::CANCEL_REQUESTED)
                && let Some(attempt) = self.live.find_to_cancel(state.view.job, state.view.attempt)
            {
                cancel::cancel(attempt);
            }
        }
        if let Some(listener) = &self.listener {
            listener.durable(events);
        }
    }

    fn progress(&self, events: &[Arc<ProgressEvent>]) {
        if let Some(listener) = &self.listener {
            listener.progress(events);
        }
    }
}
