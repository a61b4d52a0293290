//! What else follows the job that a page is about: the title of the tab, and the parts that only the server draws.

use std::cell::Cell;

use leptos::{prelude::*, task::spawn_local};
use model::JobView;

use crate::{browser, live, ui::document_title};

/// Whether the page is being fetched, and has to be once more after that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetch {
    Idle,
    Busy,
    Again,
}

/// Keeps the title true, and has the server draw the page's parts anew whenever the job takes a step: a state, an
/// attempt, a stage.
pub(super) fn follow(job: RwSignal<JobView>) {
    let fetch = StoredValue::new(Fetch::Idle);
    let step_of = |job: &JobView| (job.attempt, job.shown(), job.progress.stage.as_ref().map(|stage| stage.index));
    let shown = Cell::new(step_of(&job.read_untracked()));
    live::keep(move || {
        let job = job.read();
        let title = format!("{} · Milepost", document_title(&job));
        if document().title() != title {
            document().set_title(&title);
        }
        let step = step_of(&job);
        if shown.replace(step) != step {
            refresh(fetch);
        }
    });
}

/// One fetch at a time; steps taken meanwhile ask for one more after it.
fn refresh(fetch: StoredValue<Fetch>) {
    if fetch.get_value() != Fetch::Idle {
        fetch.set_value(Fetch::Again);
        return;
    }
    fetch.set_value(Fetch::Busy);
    spawn_local(async move {
        browser::refresh_parts().await;
        let again = fetch.get_value() == Fetch::Again;
        fetch.set_value(Fetch::Idle);
        if again {
            refresh(fetch);
        }
    });
}
