use leptos::prelude::*;
use model::{Counts, JobView, Micros, count};

use super::places::Places;
use crate::{
    live,
    ui::{Going, Timing, job_name},
};

/// The jobs at work, with their bars. One that ends keeps its row until a newly started one needs it.
#[island]
pub fn RunningNow(
    /// Running jobs, as many as the page shows at first.
    jobs: Vec<JobView>,
    /// At most so many rows.
    most: usize,
    /// How many jobs are in each state.
    counts: Counts,
    /// The server's clock.
    now: Micros,
) -> impl IntoView {
    let places = Places::new(jobs, 0, most);
    let empty = Memo::new(move |_| places.is_empty());
    let counts = live::counts(counts);
    let now = live::now(now);
    view! {
        <section class="card" aria-labelledby="running">
            <header>
                <h2 id="running">"Running now"</h2>
                <span class="count-badge">{move || count(counts.read().running)}</span>
                <a href="/jobs?state=running">"All running"</a>
            </header>
            {move || {
                if empty.get() {
                    view! { <p class="body quiet-text">"Nothing is running."</p> }.into_any()
                } else {
                    view! { <Rows places now /> }.into_any()
                }
            }}
        </section>
    }
}

#[component]
fn Rows(places: Places, now: Signal<Micros>) -> impl IntoView {
    view! {
        <table class="table jobs">
            <thead>
                <tr>
                    <th class="what" scope="col">
                        "Job"
                    </th>
                    <th class="how" scope="col">
                        "Progress"
                    </th>
                    <th class="when" scope="col">
                        "Time"
                    </th>
                </tr>
            </thead>
            <tbody>
                <For each=move || places.jobs() key=|job| job.job let(job)>
                    <Row job now />
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn Row(job: JobView, now: Signal<Micros>) -> impl IntoView {
    let name = job_name(&job);
    let job = live::job(job, false);
    view! {
        <tr>
            <th class="what" scope="row">
                {name}
            </th>
            <td class="how">
                <Going job now />
            </td>
            <td class="when">
                <Timing job now />
            </td>
        </tr>
    }
}
