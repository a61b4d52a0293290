use std::time::Duration;

use leptos::prelude::*;
use model::Counts;

use super::fragments;
use crate::live;

/// The shortest time between two refreshes.
const PAUSE: Duration = Duration::from_secs(1);

/// Live queues: refreshes the fragments of the queues page when jobs change, or a queue or task is paused, resumed or
/// limited.
pub(super) fn start() {
    let counts = live::counts(Counts::default());
    let drawn = StoredValue::new(false);
    live::effect(move || {
        counts.track();
        // The first value is the one that the page was drawn with.
        if drawn.try_update_value(|drawn| std::mem::replace(drawn, true)) == Some(true) {
            fragments::refresh(PAUSE);
        }
    });
    live::on_control(|| fragments::refresh(PAUSE));
}
