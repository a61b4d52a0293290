//! What else follows the job that a page is about: the title of the tab, and the parts that only the server draws.

use std::{cell::Cell, time::Duration};

use leptos::prelude::*;
use model::JobView;

use crate::{components::document_title, islands::fragments, live};

/// Keeps the title true, and has the server draw the page's parts anew whenever the job takes a step: a state, an
/// attempt, a stage.
pub(super) fn follow(job: RwSignal<JobView>) {
    let step_of = |job: &JobView| (job.attempt, job.shown(), job.progress.stage.as_ref().map(|stage| stage.index));
    live::on_gate(|| fragments::refresh(Duration::ZERO));
    let shown = Cell::new(step_of(&job.read_untracked()));
    live::keep(move || {
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
