//! The sampler: reads the progress of each running job ten times a second, publishes and saves it, and stops attempts
//! past their time limits.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use model::ProgressEvent;

use crate::{
    Error, Result,
    attempt::{Attempt, Watch, cancel},
    shared::Shared,
};

/// Time between two samples of one job.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// A round samples this many groups of jobs one after the other, so that thousands of jobs cause an even load and their
/// progress is published while it is fresh.
const PARTS: u32 = 4;
/// Least time between two saves of one job.
const SAVE_INTERVAL: Duration = Duration::from_millis(500);

/// Starts the thread of the sampler: neither tasks nor the disk delay it. It ends when `live` is closed.
pub(crate) fn start(shared: &Arc<Shared>) -> Result<()> {
    let (shared, live) = (Arc::clone(shared), Arc::clone(&shared.live));
    let health = Arc::clone(&shared.health);
    health
        .spawn_thread("sampler", Some(Box::new(move || live.knock())), move |sampler| {
            let mut due = Instant::now();
            for part in (0..PARTS).cycle() {
                // The thread sleeps while nothing runs.
                if !shared.live.wait_for_any(|| sampler.answer()) {
                    return;
                }
                let now = Instant::now();
                let overslept = now.saturating_duration_since(due) > SAMPLE_INTERVAL;
                due = if overslept { now } else { due } + SAMPLE_INTERVAL / PARTS;
                if !shared.live.pause(due.saturating_duration_since(now)) {
                    return;
                }
                sample_group(&shared, part);
            }
        })
        .map_err(|source| Error::Io { what: "starting the sampler's thread".to_owned(), source })?;
    Ok(())
}

/// Samples the jobs of one group.
fn sample_group(shared: &Shared, part: u32) {
    let (now, at) = (Instant::now(), shared.clock.now());
    let attempts = shared.live.of(|job| job.0.rem_euclid(i64::from(PARTS)) == i64::from(part));
    let mut moved = Vec::new();
    let mut saves = Vec::new();
    let mut curves = Vec::new();
    let mut logs = Vec::new();
    // Held until everything is published: no attempt can end, and publish that, between its sample and its event.
    let mut held = Vec::new();
    for attempt in &attempts {
        let mut watch = attempt.watch();
        if watch.closed {
            continue;
        }
        let news = watch.sample.update(&attempt.tracker, now, at) | std::mem::take(&mut watch.unpublished);
        let changed = attempt.update_forecast(&mut watch, news, now) || news;
        if changed {
            moved.push(event_of(attempt, &watch));
        }
        watch.unsaved |= changed;
        let rested = watch.saved_at.is_none_or(|saved| now.saturating_duration_since(saved) >= SAVE_INTERVAL);
        let save = watch.unsaved && rested;
        if save {
            saves.push((attempt.fence.clone(), watch.sample.progress().clone()));
            watch.saved_at = Some(now);
            watch.unsaved = false;
        }
        let lines = attempt.new_lines();
        if attempt.alive.swap(false, Ordering::Relaxed) || news || lines.is_some() {
            watch.reported_at = now;
        }
        if let Some(curve) = watch.forecast.as_mut().and_then(|forecast| forecast.due_curve(now)) {
            curves.push((attempt.fence.clone(), curve));
        }
        if let Some(passed) = attempt.overdue(now, &watch) {
            cancel::time_out(attempt, passed);
        }
        if changed || save || lines.is_some() {
            held.push(watch);
        }
        logs.extend(lines);
    }
    if !moved.is_empty()
        && let Some(listener) = &shared.listener
    {
        listener.progress(&moved);
    }
    if !saves.is_empty() {
        shared.store.save_progress(saves);
    }
    if !curves.is_empty() {
        shared.store.save_curves(curves);
    }
    if !logs.is_empty() {
        shared.store.append_logs(logs);
    }
}

fn event_of(attempt: &Attempt, watch: &Watch) -> Arc<ProgressEvent> {
    let event = Arc::new(ProgressEvent {
        job: attempt.fence.job,
        attempt: attempt.fence.attempt,
        progress: watch.sample.progress().clone(),
    });
    attempt.published(Arc::clone(&event));
    event
}
