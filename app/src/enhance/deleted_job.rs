//! Notice of a job that is deleted while its page is open.

use leptos::prelude::document;

use crate::{
    browser::{all, first, hide},
    live,
};

/// Shows the notice with `data-deleted` when the job of the card with `data-log` is deleted, and hides its actions.
pub(super) fn start() {
    let job = first(&document(), "[data-log]").and_then(|card| card.get_attribute("data-log"));
    live::on_state(move |event| {
        if event.code.as_deref() == Some("deleted") && job.as_deref() == Some(&*event.view.job.to_string()) {
            all(&document(), "[data-deleted]").for_each(|notice| hide(&notice, false));
            all(&document(), ".page-head .actions").for_each(|actions| hide(&actions, true));
        }
    });
}
