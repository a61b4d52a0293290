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

/// Shortest and longest pause before a failed write of an attempt's end is repeated. The pause doubles each time.
pub(crate) const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

const PANIC: Code = Code::new("panic");

/// Log line of an attempt that stopped because of a shutdown.
const SHUTDOWN: &str = "stopped because its process was asked to (shutdown); the job goes on in its next attempt";
/// Log line of an attempt that did not stop in time at a shutdown.
const CUT_SHORT: &str = "cut short because its process was asked to stop (shutdown) and the task did not; \
                         the job goes on in its next attempt";

/// How the future of a task ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Returned(Result<String, TaskError>),
    Panicked(Panicked),
    /// Dropped, because the task did not stop within the grace.
    Dropped,
}

/// Why the attempt was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// No request: the attempt ended by itself.
    None,
    /// A user cancelled it.
    Cancel,
    /// It exceeded a time limit.
    TimeOut(TimeOut),
    /// The process shuts down.
    Shutdown,
    /// Another process has settled the job.
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
    let cause = stop_cause(&attempt);
    // Blocking work that the task left behind sees this and stops. The attempt keeps its slot until then.
    attempt.stop.raise();
    attempt.blocking.idle().await;

    let (outcome, remark) = decide_outcome(ended, cause, || attempt.next_attempt());
    let succeeded = matches!(outcome, Outcome::Succeeded { .. });
    if let Outcome::Failed { failure, .. }
    | Outcome::RetryLater { failure, .. }
    | Outcome::Cancelled { failure: Some(failure), .. } = &outcome
    {
        let number = attempt.fence.attempt;
        tracing::info!(job = %attempt.job(), attempt = number, code = failure.code, "{}", failure.message);
    }
    let settled = if let Some(mut finish) = finish(&attempt, outcome, remark.as_deref()) {
        if is_disk_full(&finish.outcome) {
            // Frees space before the end is written to a full disk.
            attempt.drop_work().await;
        }
        finish.artifacts = attempt.tidy_up(&finish.outcome).await;
        settle(&attempt, finish).await
    } else {
        // `cut_short` has written the end.
        release_slot(&attempt);
        Settled::TooLate
    };
    if settled == Settled::TooLate {
        attempt.discard().await;
    }
    attempt.clear_work(settled == Settled::Counts && succeeded).await;
    attempt.shared.live.leave(&attempt);
}

/// Settles a task that does not stop before its process ends. The attempt counts as dropped, and a later result is
/// ignored. If the task has already ended, waits until its end is in the writer's queue.
pub(crate) async fn cut_short(attempt: &Attempt) {
    let (outcome, remark) = decide_outcome(Ended::Dropped, stop_cause(attempt), || attempt.next_attempt());
    let Some(finish) = finish(attempt, outcome, remark.as_deref()) else {
        return attempt.ended.raised().await;
    };
    tracing::warn!(job = %attempt.job(), "the task does not stop; it ends with the process");
    match attempt.shared.store.finish(finish).await {
        Ok(_) | Err(Error::Fenced | Error::NoSuchJob(_)) => {}
        Err(error) => tracing::error!(job = %attempt.job(), %error, "cannot store the end of an attempt"),
    }
}

/// Ends all reporting and returns the end of the attempt for the store, without artifacts. `None` if it was called
/// before: an attempt has one end.
pub(crate) fn finish(attempt: &Attempt, outcome: Outcome, remark: Option<&str>) -> Option<Finish> {
    let last_lines = attempt.last_lines(&outcome);
    let mut closing = attempt.close(matches!(outcome, Outcome::Succeeded { .. }))?;
    if let Some(remark) = remark {
        attempt.append_last_line(&mut closing, Level::Info, remark);
    }
    if let Some((level, text)) = last_lines {
        attempt.append_last_line(&mut closing, level, &text);
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
        reported: None,
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
        | Outcome::Released
        | Outcome::Lost { .. } => false,
    }
}

/// Frees the slot and wakes those that wait for the end of the attempt.
fn release_slot(attempt: &Attempt) {
    attempt.shared.free_slot();
    attempt.ended.raise();
}

/// Returns the outcome of an attempt and a remark for its log. `next_attempt` returns the time of the next attempt, or
/// `None` if none is left.
pub(crate) fn decide_outcome(
    ended: Ended,
    cause: StopCause,
    next_attempt: impl FnOnce() -> Option<Micros>,
) -> (Outcome, Option<Cow<'static, str>>) {
    let failed = |failure, trace, again: bool| match next_attempt().filter(|_| again) {
        Some(at) => Outcome::RetryLater { failure, trace, at },
        None => Outcome::Failed { failure, trace },
    };
    let dropped = matches!(ended, Ended::Dropped);
    let end = match ended {
        Ended::Returned(Ok(output)) => {
            let remark = (cause == StopCause::Cancel).then_some("finished before the cancel took effect".into());
            return (Outcome::Succeeded { output }, remark);
        }
        Ended::Returned(Err(error)) => error,
        Ended::Panicked(Panicked { message, trace }) => {
            TaskError::Retry(Fault { code: PANIC, message: format!("the task panicked: {message}"), trace })
        }
        Ended::Dropped => TaskError::Cancelled,
    };
    let remark = match (cause, &end) {
        // A failure during shutdown is logged, but the attempt is not charged for it.
        (StopCause::Shutdown, TaskError::Retry(fault) | TaskError::Fatal(fault)) => {
            Some(format!("{SHUTDOWN}; this one ended with: {fault}").into())
        }
        (StopCause::Shutdown, _) if dropped => Some(CUT_SHORT.into()),
        (StopCause::Shutdown, TaskError::Cancelled) => Some(SHUTDOWN.into()),
        (StopCause::Lost, _) => None,
        _ if dropped => Some("did not stop by itself in time, and was dropped".into()),
        _ => None,
    };
    let outcome = match (cause, end) {
        // Its last checkpoint reported that a user wants to pause the job.
        (StopCause::None | StopCause::Shutdown, TaskError::Paused) => Outcome::Paused,
        (StopCause::None | StopCause::Shutdown, TaskError::Snooze(until)) => Outcome::Snoozed { until },
        // The store rejects all writes of a lost attempt.
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

/// The failure of an attempt that exceeded a time limit.
fn too_slow(passed: TimeOut) -> Failure {
    let (code, message) = match passed {
        TimeOut::Total(most) => {
            ("timed_out", format!("it took longer than {}, the most its task may take", duration(most.as_secs_f64())))
        }
        TimeOut::Quiet(most) => ("no_progress", format!("it reported nothing for {}", duration(most.as_secs_f64()))),
    };
    Failure { code: code.to_owned(), message }
}

/// Why the attempt should stop. A user's cancel takes precedence over all other causes.
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

/// Result of writing the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    Counts,
    /// The job no longer belonged to the attempt.
    TooLate,
    /// As `TooLate`, but after a failed write, which may have stored the end.
    Unclear,
}

/// Writes the end, and repeats that until the store accepts or rejects it.
async fn settle(attempt: &Attempt, finish: Finish) -> Settled {
    let shared = &attempt.shared;
    let mut pause = RETRY_PAUSE.0;
    let (mut first, mut has_failed) = (true, false);
    loop {
        let mut finishing = shared.store.finish(finish.clone());
        let answer = futures_util::poll!(finishing.as_mut());
        if first {
            // The end is in the writer's queue. A claim that is queued now comes after it; both are in one commit.
            release_slot(attempt);
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
                let number = attempt.fence.attempt;
                tracing::warn!(job = %attempt.job(), attempt = number, %error, "the end of an attempt came too late");
                return if has_failed { Settled::Unclear } else { Settled::TooLate };
            }
            Err(error) => {
                tracing::error!(job = %attempt.job(), %error, "cannot store the end of an attempt; trying again");
                has_failed = true;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(RETRY_PAUSE.1);
            }
        }
    }
}
