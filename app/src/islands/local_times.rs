use leptos::prelude::*;

use crate::{
    components::{localise, use_local_zone},
    live,
};

/// Local times: rewrites the times of the page in the reader's time zone.
#[island]
pub fn LocalTimes() -> impl IntoView {
    super::on_hydrate(|| {
        use_local_zone();
        // The views of islands write their times when the clock moves.
        live::now().update(|_| ());
        if let Some(body) = document().body() {
            localise(&body);
        }
    });
}
