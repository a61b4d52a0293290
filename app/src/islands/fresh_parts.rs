use leptos::{prelude::*, task::spawn_local};
use model::JobView;

use crate::{browser, live};

/// Whether the page is being fetched, and has to be once more after that.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fetch {
    Idle,
    Busy,
    Again,
}

/// Has the server draw the page's parts anew whenever the job takes a step: a state, an attempt, a stage.
#[island]
pub fn FreshParts(
    /// The job as the page shows it.
    job: JobView,
) -> impl IntoView {
    let job = live::job(job, false);
    let step = Memo::new(move |_| {
        let job = job.read();
        (job.attempt, job.shown(), job.progress.stage.as_ref().map(|stage| stage.index))
    });
    let fetch = StoredValue::new(Fetch::Idle);
    Effect::watch(move || step.get(), move |_, _, _| refresh(fetch), false);
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
