use std::time::Duration;

use leptos::prelude::*;
use model::Counts;

use super::fragments;
use crate::live;

/// At most so often is the page fetched while jobs come and go.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps the page of queues true: has the server draw its parts anew when jobs come and go, and when somebody pauses,
/// resumes or limits something.
#[island]
pub fn LiveQueues() -> impl IntoView {
    super::on_hydrate(|| {
        let counts = live::counts(Counts::default());
        let drawn = StoredValue::new(false);
        live::keep(move || {
            counts.track();
            // The first time tells what the page was drawn with.
            if drawn.try_update_value(|drawn| std::mem::replace(drawn, true)) == Some(true) {
                fragments::refresh(PAUSE);
            }
        });
        live::on_gate(|| fragments::refresh(PAUSE));
    });
}
