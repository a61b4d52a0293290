use leptos::prelude::*;

use crate::components::localise;

/// Puts the reader's time zone into the times that the server wrote in its own, and the browser's words into those that
/// it wrote in the zone that the reader has chosen.
#[island]
pub fn LocalTimes() -> impl IntoView {
    super::on_hydrate(|| {
        if let Some(body) = document().body() {
            localise(&body);
        }
    });
}
