//! The long poll: what a stream would tell, in one answer.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use axum::response::Response;
use bytes::BytesMut;
use engine::access::Denied;
use model::{ByeReason, Cursor, End, Seq, StreamEvent};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{
    Events, Listening,
    answer::{self, Refusal},
    ending::Ending,
    opening::{CaughtUp, TurnedAway, catch_up, guard, is_known},
    readings::Readings,
    request::StreamRequest,
};
use crate::hub::{Form, Subscription, Taken, encode};

/// Progress alone ends no wait before: there is always some while a job runs, and an answer for each would be many.
const PROGRESS_WAITS: Duration = Duration::from_secs(1);

impl Events {
    /// Answers a poll.
    pub(super) async fn poll(&self, request: StreamRequest, listening: Listening) -> Result<Response, Refusal> {
        let Self(shared) = self;
        // Given back with the answer.
        let _place = self.place(&listening)?;
        let request = self.narrow(request, &listening).await?;
        let ending = if request.until_end { Some(self.ending(&request).await?) } else { None };
        let subscription = shared.hub.subscribe(request.topics, listening.sight.clone(), Form::Lines);
        let position = shared.readings.position().await?;
        let after = request.after.filter(|after| is_known(after, &position)).map(|after| after.seq);
        let told = BytesMut::from(self.hello(&subscription, position.clone()));
        let mut answer =
            Answer { subscription, readings: Arc::clone(&shared.readings), ending, cursor: position, told };
        let _guard = if request.wait.is_zero() { None } else { guard(&listening, &answer.subscription) };
        answer.catch_up(after).await?;
        answer.gather(Instant::now() + request.wait).await?;
        Ok(answer::whole(Form::Lines, answer.finish()))
    }
}

/// An answer in the making.
struct Answer {
    subscription: Subscription,
    readings: Arc<Readings>,
    ending: Option<Ending>,
    /// Up to here all is told.
    cursor: Cursor,
    told: BytesMut,
}

impl Answer {
    /// Lays the past into the outbox.
    async fn catch_up(&mut self, after: Option<Seq>) -> Result<(), Refusal> {
        let (hub, outbox) = (Arc::clone(self.subscription.hub()), Arc::clone(&self.subscription.outbox));
        let caught_up = catch_up(hub, self.subscription.key, outbox, Arc::clone(&self.readings), after).await?;
        self.cursor.seq = match caught_up {
            CaughtUp::Missed(upto) => upto,
            CaughtUp::Anew(whole) => {
                if let Some(ending) = &mut self.ending {
                    ending.look_again(whole.position.seq, &whole.jobs);
                }
                whole.position.seq
            }
        };
        Ok(())
    }

    /// Takes all there is, or waits `until` then for something to come.
    async fn gather(&mut self, until: Instant) -> Result<(), Refusal> {
        let begun = self.told.len();
        let mut taken = self.first(until).await;
        loop {
            match taken {
                Taken::Frames(frames, _) => self.told.extend_from_slice(&frames),
                Taken::Overflown => self.catch_up(None).await?,
                Taken::Closing(ByeReason::Revoked) => return Err(engine::Error::Denied(Denied::SignIn).into()),
                Taken::Closing(_) if self.told.len() == begun => return Err(TurnedAway::GoingDown.into()),
                Taken::Closing(_) | Taken::Nothing => return Ok(()),
            }
            taken = self.take(true, &Context::from_waker(Waker::noop()));
        }
    }

    /// What there is at once, durable or moved; else what comes first.
    async fn first(&mut self, until: Instant) -> Taken {
        let progress_from = until.min(Instant::now() + PROGRESS_WAITS);
        for (progress, until) in [(false, progress_from), (true, until)] {
            let something = poll_fn(|context| match self.take(progress, context) {
                Taken::Nothing => Poll::Pending,
                taken @ (Taken::Frames(..) | Taken::Overflown | Taken::Closing(_)) => Poll::Ready(taken),
            });
            if let Ok(taken) = timeout_at(until, something).await {
                return taken;
            }
        }
        Taken::Nothing
    }

    fn take(&mut self, progress: bool, context: &Context<'_>) -> Taken {
        let Self { subscription, ending, cursor, .. } = self;
        subscription.outbox.take(progress, subscription.hub().epoch(), context, |event| {
            cursor.seq = cursor.seq.max(event.seq);
            if let Some(ending) = ending {
                ending.hear(event);
            }
        })
    }

    /// The answer: what was told, the end if it has come, and where to go on.
    fn finish(mut self) -> bytes::Bytes {
        if let Some(ending) = self.ending.filter(Ending::is_over) {
            self.cursor = ending.cursor().clone();
            let end = StreamEvent::End(End { cursor: self.cursor.clone() });
            self.told.extend_from_slice(&encode(Form::Lines, &end, Some(&self.cursor)));
        }
        self.told.extend_from_slice(format!("{}\n", json!({ "id": self.cursor })).as_bytes());
        self.told.freeze()
    }
}
