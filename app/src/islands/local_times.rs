use leptos::prelude::*;

use crate::components::localise;

/// Local times: rewrites the times of the page in the reader's time zone.
#[island]
pub fn LocalTimes() -> impl IntoView {
    super::on_hydrate(|| {
        if let Some(body) = document().body() {
            localise(&body);
        }
    });
}
