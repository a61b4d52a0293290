//! Running jobs of the overview.

use leptos::prelude::*;
use model::{JobState, JobView, Micros};

use super::{
    job_list::{leave, set_member},
    job_row::{JobTable, RowRights},
    text,
};
use crate::{components::reactive, live};

/// A table of running jobs. A new job is added at the end; where there is no room, it takes the row of a job that has
/// ended. Such a row is marked, and leaves.
#[island]
pub fn RunningJobs(
    jobs: Vec<JobView>,
    /// At most this many rows.
    slots: usize,
    rights: RowRights,
    now: Micros,
) -> impl IntoView {
    let (rows, gone) = (RwSignal::new(jobs), RwSignal::default());
    let runs = |job: &JobView| job.state == JobState::Running;
    live::on_state(move |event| {
        let job = event.view.job;
        let leaves = !runs(&event.view) && rows.with_untracked(|rows| rows.iter().any(|row| row.job == job));
        set_member(gone, job, leaves);
        if leaves {
            leave(job, rows, gone);
        }
    });
    live::on_state(move |event| {
        let job = &event.view;
        let place = rows.with_untracked(|rows| {
            let known = rows.iter().position(|row| row.job == job.job);
            let ended = || rows.iter().position(|row| row.state.is_terminal());
            let end = || (rows.len() < slots).then_some(rows.len());
            known.or_else(|| (job.state == JobState::Running).then(|| end().or_else(ended)).flatten())
        });
        if let Some(place) = place {
            rows.update(|rows| match rows.get_mut(place) {
                Some(_) if event.code.as_deref() == Some("deleted") => drop(rows.remove(place)),
                Some(row) => row.clone_from(job),
                None => rows.push(job.clone()),
            });
        }
    });
    view! {
        <p class="body quiet-text" hidden=reactive(move || !rows.read().is_empty())>
            {text::NOTHING_IS_RUNNING}
        </p>
        <JobTable rows rights gone progress=text::PROGRESS now />
    }
}
