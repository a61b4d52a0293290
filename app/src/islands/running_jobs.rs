//! Running jobs of the overview.

use std::time::Duration;

use leptos::prelude::*;
use model::{JobId, JobState, JobView, Micros};

use super::text;
use crate::{
    components::{JobName, JobTableHead, ProgressCell, TimeCell, reactive},
    live,
};

/// How long the row of a job that has ended stays.
const LEAVES_AFTER: Duration = Duration::from_secs(5);

/// A table of running jobs. A new job is added at the end; where there is no room, it takes the row of a job that has
/// ended. Such a row leaves after some seconds.
#[island]
pub fn RunningJobs(
    jobs: Vec<JobView>,
    /// At most this many rows.
    slots: usize,
    now: Micros,
) -> impl IntoView {
    let rows = slots_of(jobs, 0, slots);
    let runs = |job: &JobView| job.state == JobState::Running;
    let leave = move || rows.update(|rows| rows.retain(runs));
    live::on_state(move |event| {
        if !runs(&event.view) {
            set_timeout(leave, LEAVES_AFTER);
        }
    });
    view! {
        <p class="body quiet-text" hidden=reactive(move || !rows.read().is_empty())>
            {text::NOTHING_IS_RUNNING}
        </p>
        <table class="table jobs" hidden=reactive(move || rows.read().is_empty())>
            <JobTableHead progress=text::PROGRESS />
            <tbody>
                <For each=move || rows.get() key=key let:job>
                    <Row job now />
                </For>
            </tbody>
        </table>
    }
}

#[component]
fn Row(job: JobView, now: Micros) -> impl IntoView {
    let name = job.clone();
    let job = live::job(job, now);
    view! {
        <tr>
            <th class="what" scope="row">
                <JobName job=name />
            </th>
            <td class="how">
                <ProgressCell job />
            </td>
            <td class="when">
                <TimeCell job />
            </td>
        </tr>
    }
}

pub(super) fn key(job: &JobView) -> JobId {
    job.job
}

/// Returns the jobs of a list with `slots` slots, as of their last durable event. The first `kept` are never replaced.
pub(super) fn slots_of(jobs: Vec<JobView>, kept: usize, slots: usize) -> RwSignal<Vec<JobView>> {
    let rows = RwSignal::new(jobs);
    live::on_state(move |event| {
        let job = &event.view;
        let place = rows.with_untracked(|rows| {
            let known = rows.iter().position(|row| row.job == job.job);
            let ended = || rows.iter().skip(kept).position(|row| row.state.is_terminal()).map(|place| place + kept);
            let end = || (rows.len() < slots).then_some(rows.len());
            known.or_else(|| (job.state == JobState::Running).then(|| end().or_else(ended)).flatten())
        });
        if let Some(place) = place {
            rows.update(|rows| match rows.get_mut(place) {
                Some(row) => row.clone_from(job),
                None => rows.push(job.clone()),
            });
        }
    });
    rows
}
