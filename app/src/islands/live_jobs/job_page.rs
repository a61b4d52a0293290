//! The page of a job: its title, and the fragments that only the server draws.

use std::{cell::Cell, time::Duration};

use leptos::prelude::*;
use model::JobView;

use crate::{components::document_title, islands::fragments, live};

/// Updates the title, and refreshes the fragments when state, attempt or stage change.
pub(super) fn follow(job: RwSignal<JobView>) {
    let step_of = |job: &JobView| (job.attempt, job.shown(), job.progress.stage.as_ref().map(|stage| stage.index));
    live::on_control(|| fragments::refresh(Duration::ZERO));
    let shown = Cell::new(step_of(&job.read_untracked()));
    live::effect(move || {
        let job = job.read();
        let title = format!("{} · Milepost", document_title(&job));
        if document().title() != title {
            document().set_title(&title);
        }
        let step = step_of(&job);
        if shown.replace(step) != step {
            fragments::refresh(Duration::ZERO);
        }
    });
}
