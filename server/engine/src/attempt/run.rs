//! Runs one attempt: executes the task, decides the outcome, and writes it to the store.

use std::{
    borrow::Cow,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use model::{Failure, JobState, Level, Micros, duration};

use crate::{
    Code, Ctx, Error, Fault, TaskError,
    attempt::{Attempt, TimeOut},
    runtime::panics::{self, Panicked},
    store::{Finish, Outcome},
    task::DISK_FULL,
};

/// A store that refuses the end of an attempt is asked again after this, and then after twice as long, up to the last.
pub(crate) const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The code of a panic.
const PANIC: Code = Code::new("panic");

/// What the log says of an attempt that ends because its process does.
const SHUTDOWN: &str = "stopped because its process was asked to (shutdown); the job goes on in its next attempt";
/// The same where the task did not stop.
const CUT_SHORT: &str = "cut short because its process was asked to stop (shutdown) and the task did not; the job goes on in its next attempt";

/// How the task's future came to its end.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It returned.
    Returned(Result<String, TaskError>),
    /// It panicked.
    Panicked(Panicked),
    /// It was dropped: it did not stop within the grace.
    Dropped,
}

/// Why the attempt was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// Nothing: it ended by itself.
    None,
    /// A user cancelled it.
    Cancel,
    /// It exceeded a time limit.
    TimeOut(TimeOut),
    /// Its process shuts down.
    Shutdown,
    /// Another process settled its job.
    Lost,
}

/// Runs an attempt from its claim to its end.
pub(crate) async fn run(attempt: Arc<Attempt>, input: String) {
    let ctx = Ctx::new(Arc::clone(&attempt));
    let ended = tokio::select! {
        biased;
        ended = panics::caught(attempt.entry.task.run(&input, &ctx)) => match ended {
            Ok(returned) => Ended::Returned(returned),
            Err(panicked) => Ended::Panicked(panicked),
        },
        () = attempt.dropped.raised() => Ended::Dropped,
    };
    let wish = stop_cause(&attempt);
    // Blocking work that the task left behind sees this and stops; until it has, the attempt keeps its slot.
    attempt.stop.raise();
    attempt.blocking.idle().await;

    let (outcome, remark) = decide_outcome(ended, wish, || attempt.next_attempt());
    let succeeded = matches!(outcome, Outcome::Succeeded { .. });
    if let Outcome::Failed { failure, .. }
    | Outcome::RetryLater { failure, .. }
    | Outcome::Cancelled { failure: Some(failure), .. } = &outcome
    {
        tracing::info!(job = %attempt.job(), attempt = attempt.fence.attempt, code = failure.code, "{}", failure.message);
    }
    let settled = if let Some(mut finish) = finish(&attempt, outcome, remark.as_deref()) {
        if is_disk_full(&finish.outcome) {
            // Before the end is written, which may find no room else.
            attempt.drop_work().await;
        }
        finish.artifacts = attempt.tidy_up(&finish.outcome).await;
        settle(&attempt, finish).await
    } else {
        // It has been cut short.
        nothing_runs(&attempt);
        Settled::TooLate
    };
    if settled == Settled::TooLate {
        attempt.discard().await;
    }
    attempt.clear_work(settled == Settled::Counts && succeeded).await;
    attempt.shared.live.leave(&attempt);
}

/// Settles an attempt that does not stop and whose process ends, which ends it too: it counts as dropped. If it should
/// say anything before that, it comes too late. One that has come to its end by itself is waited for, until that is on
/// the way to the store: it has taken the last lines of the log along.
pub(crate) async fn cut_short(attempt: &Attempt) {
    let (outcome, remark) = decide_outcome(Ended::Dropped, stop_cause(attempt), || attempt.next_attempt());
    let Some(finish) = finish(attempt, outcome, remark.as_deref()) else {
        return attempt.ended.raised().await;
    };
    tracing::warn!(job = %attempt.job(), "the task does not stop; it dies with the process");
    match attempt.shared.store.finish(finish).await {
        Ok(_) | Err(Error::Fenced | Error::NoSuchJob(_)) => {}
        Err(error) => tracing::error!(job = %attempt.job(), %error, "the end of an attempt could not be written down"),
    }
}

/// Ends all reporting; answers what there is to write down of the attempt, but for its artifacts. `None` where it has
/// been asked before: an attempt has one end.
fn finish(attempt: &Attempt, outcome: Outcome, remark: Option<&str>) -> Option<Finish> {
    let mut closing = attempt.close(matches!(outcome, Outcome::Succeeded { .. }))?;
    if let Some(remark) = remark {
        attempt.last_word(&mut closing, Level::Info, remark);
    }
    Some(Finish {
        fence: attempt.fence.clone(),
        outcome,
        progress: closing.progress,
        stage_seconds: closing.stage_seconds,
        curve: closing.curve,
        log: closing.log,
        artifacts: Vec::new(),
        checkpointed: attempt.may_have_checkpoint(),
    })
}

/// Whether the attempt ended because its disk is full.
fn is_disk_full(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed { failure, .. }
        | Outcome::RetryLater { failure, .. }
        | Outcome::Cancelled { failure: Some(failure), .. } => failure.code == DISK_FULL,
        Outcome::Succeeded { .. }
        | Outcome::Cancelled { failure: None, .. }
        | Outcome::Snoozed { .. }
        | Outcome::Paused
        | Outcome::Released => false,
    }
}

/// Gives back the slot, and lets who waits for its end know.
fn nothing_runs(attempt: &Attempt) {
    attempt.shared.free_slot();
    attempt.ended.raise();
}

/// What became of the attempt, and what its log should say of it. `next_attempt` says when a failed one may be tried
/// again, if it may.
pub(crate) fn decide_outcome(
    ended: Ended,
    wish: StopCause,
    next_attempt: impl FnOnce() -> Option<Micros>,
) -> (Outcome, Option<Cow<'static, str>>) {
    let failed = |failure, trace, again: bool| match next_attempt().filter(|_| again) {
        Some(at) => Outcome::RetryLater { failure, trace, at },
        None => Outcome::Failed { failure, trace },
    };
    let dropped = matches!(ended, Ended::Dropped);
    let end = match ended {
        Ended::Returned(Ok(output)) => {
            let remark = (wish == StopCause::Cancel).then_some("finished before the cancel took effect".into());
            return (Outcome::Succeeded { output }, remark);
        }
        Ended::Returned(Err(error)) => error,
        Ended::Panicked(Panicked { message, trace }) => {
            TaskError::Retry(Fault { code: PANIC, message: format!("the task panicked: {message}"), trace })
        }
        Ended::Dropped => TaskError::Cancelled,
    };
    let remark = match (wish, &end) {
        // That it failed while it stopped is worth a word, but is not held against it.
        (StopCause::Shutdown, TaskError::Retry(fault) | TaskError::Fatal(fault)) => {
            Some(format!("{SHUTDOWN}; this one ended with: {fault}").into())
        }
        (StopCause::Shutdown, _) if dropped => Some(CUT_SHORT.into()),
        (StopCause::Shutdown, TaskError::Cancelled) => Some(SHUTDOWN.into()),
        (StopCause::Lost, _) => None,
        _ if dropped => Some("did not stop by itself in time, and was dropped".into()),
        _ => None,
    };
    let outcome = match (wish, end) {
        // Its last checkpoint said that a user wants it set aside.
        (StopCause::None | StopCause::Shutdown, TaskError::Paused) => Outcome::Paused,
        (StopCause::None | StopCause::Shutdown, TaskError::Snooze(until)) => Outcome::Snoozed { until },
        // The store no longer accepts anything of a lost attempt.
        (StopCause::Shutdown | StopCause::Lost, _) => Outcome::Released,
        (StopCause::Cancel, TaskError::Retry(fault) | TaskError::Fatal(fault)) => {
            Outcome::Cancelled { trace: fault.trace.clone(), failure: Some(fault.into()) }
        }
        (StopCause::Cancel, TaskError::Cancelled | TaskError::Paused | TaskError::Snooze(_)) => {
            Outcome::Cancelled { failure: None, trace: String::new() }
        }
        (StopCause::TimeOut(passed), TaskError::Retry(fault) | TaskError::Fatal(fault)) => {
            let trace = format!("{fault}\n{}", fault.trace);
            failed(too_slow(passed), trace, true)
        }
        (StopCause::TimeOut(passed), TaskError::Cancelled | TaskError::Paused | TaskError::Snooze(_)) => {
            failed(too_slow(passed), String::new(), true)
        }
        (StopCause::None, TaskError::Retry(fault)) => {
            let trace = fault.trace.clone();
            failed(fault.into(), trace, true)
        }
        (StopCause::None, TaskError::Fatal(fault)) => {
            let trace = fault.trace.clone();
            failed(fault.into(), trace, false)
        }
        (StopCause::None, TaskError::Cancelled) => {
            let message = "the task returned the cancelled error without a cancel request".to_owned();
            failed(Failure { code: "stopped_unasked".to_owned(), message }, String::new(), false)
        }
    };
    (outcome, remark)
}

/// The failure of an attempt that was stopped because of its limits in time.
fn too_slow(passed: TimeOut) -> Failure {
    let (code, message) = match passed {
        TimeOut::Total(most) => {
            ("timed_out", format!("it took longer than {}, the most its task may take", duration(most.as_secs_f64())))
        }
        TimeOut::Quiet(most) => ("no_progress", format!("it reported nothing for {}", duration(most.as_secs_f64()))),
    };
    Failure { code: code.to_owned(), message }
}

/// Why the attempt is to stop, if it is. A user's wish counts before all others.
pub(crate) fn stop_cause(attempt: &Attempt) -> StopCause {
    if !attempt.stop.is_raised() {
        StopCause::None
    } else if attempt.cancelled.load(Ordering::Acquire) {
        StopCause::Cancel
    } else if let Some(passed) = attempt.timed_out.get() {
        StopCause::TimeOut(*passed)
    } else if attempt.shared.leaving.is_raised() {
        StopCause::Shutdown
    } else {
        StopCause::Lost
    }
}

/// What the store made of the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    /// It is written down.
    Counts,
    /// The job was not the attempt's any more.
    TooLate,
    /// The same, after the store had failed to write it down: so it says, but the end may be there.
    Unclear,
}

/// Writes the end down, however long the store takes to accept it.
async fn settle(attempt: &Attempt, finish: Finish) -> Settled {
    let shared = &attempt.shared;
    let mut pause = ASK_AGAIN.0;
    let (mut first, mut has_failed) = (true, false);
    loop {
        let mut finishing = shared.store.finish(finish.clone());
        let answer = futures_util::poll!(finishing.as_mut());
        if first {
            // The end is in the writer's queue. A claim that goes there now comes after it, and both are one commit.
            nothing_runs(attempt);
            first = false;
        }
        let answer = match answer {
            std::task::Poll::Ready(answer) => answer,
            std::task::Poll::Pending => finishing.await,
        };
        match answer {
            Ok(view) => {
                if view.state == JobState::Scheduled {
                    shared.rescheduled.notify_one();
                }
                return Settled::Counts;
            }
            Err(error @ (Error::Fenced | Error::NoSuchJob(_))) => {
                tracing::warn!(job = %attempt.job(), attempt = attempt.fence.attempt, %error, "the end of an attempt came too late");
                return if has_failed { Settled::Unclear } else { Settled::TooLate };
            }
            Err(error) => {
                tracing::error!(job = %attempt.job(), %error, "cannot write down the end of an attempt; trying again");
                has_failed = true;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ASK_AGAIN.1);
            }
        }
    }
}
