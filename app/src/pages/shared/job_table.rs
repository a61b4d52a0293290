use leptos::prelude::*;
use model::{JobView, Micros};

use super::text;
use crate::{
    components::{JobName, JobTableHead, LiveJob, ProgressCell, TimeCell},
    islands::{JobProgressCell, JobTimeCell},
};

/// Table of jobs. A row updates itself until its job ends; each is a fragment, for what happens after.
#[component]
pub(in crate::pages) fn JobTable(jobs: Vec<JobView>, now: Micros) -> impl IntoView {
    let rows: Vec<_> = jobs.into_iter().map(|job| view! { <JobRow job now /> }).collect();
    view! {
        <table class="table jobs">
            <JobTableHead progress=text::STATE />
            <tbody>{rows}</tbody>
        </table>
    }
}

#[component]
fn JobRow(job: JobView, now: Micros) -> impl IntoView {
    let part = format!("job-{}", job.job);
    let (progress, time) = if job.state.is_terminal() {
        let job = LiveJob::fixed(job.clone(), now);
        (view! { <ProgressCell job /> }.into_any(), view! { <TimeCell job /> }.into_any())
    } else {
        let (cell, other) = (job.clone(), job.clone());
        (view! { <JobProgressCell job=cell now /> }.into_any(), view! { <JobTimeCell job=other now /> }.into_any())
    };
    view! {
        <tr data-part=part>
            <th class="what" scope="row">
                <JobName job />
            </th>
            <td class="how">{progress}</td>
            <td class="when">{time}</td>
        </tr>
    }
}
