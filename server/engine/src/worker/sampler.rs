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

/// Between two looks at one job.
const ROUND: Duration = Duration::from_millis(100);
/// A round is made in this many parts, one after the other, so that the progress of thousands of jobs is spread out and
/// arrives while it is new.
const PARTS: u32 = 4;
/// Between two saves of one job: at most two a second.
const SAVE: Duration = Duration::from_millis(500);

/// Starts the sampler on a thread of its own: neither tasks nor the disk hold it up. It ends when `live` is closed.
pub(crate) fn start(shared: &Arc<Shared>) -> Result<()> {
    let (shared, live) = (Arc::clone(shared), Arc::clone(&shared.live));
    let health = Arc::clone(&shared.health);
    health
        .spawn_thread("sampler", Some(Box::new(move || live.knock())), move |sampler| {
            let mut due = Instant::now();
            for part in (0..PARTS).cycle() {
                // While nothing runs the thread sleeps.
                if !shared.live.wait_for_any(|| sampler.answer()) {
                    return;
                }
                let now = Instant::now();
                let overslept = now.saturating_duration_since(due) > ROUND;
                due = if overslept { now } else { due } + ROUND / PARTS;
                if !shared.live.pause(due.saturating_duration_since(now)) {
                    return;
                }
                look(&shared, part);
            }
        })
        .map_err(|source| Error::Io { what: "starting the sampler's thread".to_owned(), source })?;
    Ok(())
}

/// Looks at the jobs of a part.
fn look(shared: &Shared, part: u32) {
    let (now, at) = (Instant::now(), shared.clock.now());
    let attempts = shared.live.of(|job| job.0.rem_euclid(i64::from(PARTS)) == i64::from(part));
    let mut moved = Vec::new();
    let mut saves = Vec::new();
    let mut curves = Vec::new();
    let mut logs = Vec::new();
    // Held until all is handed over: an attempt cannot end, and publish that, between our sample and our event.
    let mut held = Vec::new();
    for attempt in &attempts {
        let mut watch = attempt.watch();
        if watch.closed {
            continue;
        }
        let news = watch.sample.look(&attempt.tracker, now, at);
        let told = attempt.update_forecast(&mut watch, news, now) || news;
        if told {
            moved.push(event_of(attempt, &watch));
        }
        watch.unsaved |= told;
        let rested = watch.saved_at.is_none_or(|saved| now.saturating_duration_since(saved) >= SAVE);
        let save = watch.unsaved && rested;
        if save {
            saves.push((attempt.fence.clone(), watch.sample.progress().clone()));
            watch.saved_at = Some(now);
            watch.unsaved = false;
        }
        let lines = attempt.new_lines();
        if attempt.alive.swap(false, Ordering::Relaxed) || news || lines.is_some() {
            watch.heard_at = now;
        }
        if let Some(curve) = watch.forecast.as_mut().and_then(|forecast| forecast.due_curve(now)) {
            curves.push((attempt.fence.clone(), curve));
        }
        if let Some(passed) = attempt.overdue(now, &watch) {
            cancel::time_out(attempt, passed);
        }
        if told || save || lines.is_some() {
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
