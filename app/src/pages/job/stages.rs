//! Stages of a job: state, work and time of each.

use engine::Curve;
use leptos::{either::Either, prelude::*};
use model::{JobId, JobState, Micros, Progress, Shown, count, duration, quantity};

use super::data::{Comparison, Data};
use super::text;
use crate::components::{StateBadge, Timestamp};

/// One row a stage; hidden for a task without stages.
#[component]
pub(super) fn Stages(data: Data) -> impl IntoView {
    let names = data.task.1.clone();
    let current = data.detail.view.progress.stage.as_ref().map(|stage| stage.index as usize);
    let over = data.detail.view.state == JobState::Succeeded;
    let passed = if over { names.len() } else { current.unwrap_or(0) };
    let beside = match data.beside.clone() {
        Some(Comparison::Run(view, seconds, _)) => Some((view.job, seconds)),
        _ => None,
    };
    let other = beside.as_ref().map(|(job, _)| view! { <th scope="col" class="number">{text::time_of(&job)}</th> });
    let hint = text::stages_done(&passed, &names.len());
    (names.len() > 1 && data.detail.view.started_at.is_some()).then(|| {
        let rows: Vec<_> = names
            .into_iter()
            .enumerate()
            .map(|(i, name)| {
                let here = (!over && current == Some(i)).then(|| data.detail.view.shown());
                let seconds = data.detail.stage_seconds.get(i).copied().filter(|_| i < passed || here.is_some());
                let at_work = here.is_some() && data.detail.view.state == JobState::Running;
                let since = seconds.filter(|_| at_work).map(|seconds| Micros(data.now.0 - (seconds * 1e6) as i64));
                let beside = beside.as_ref().map(|(job, all)| (*job, all.get(i).copied()));
                let work = match here {
                    Some(_) => work_so_far(&data.detail.view.progress),
                    None => data.curve.as_ref().filter(|_| i < passed).and_then(|curve| work_of(curve, i)),
                };
                let usual = data.usual.get(i).copied();
                view! { <Stage number=i + 1 name passed=i < passed here work seconds since usual beside /> }
            })
            .collect();
        view! {
            <section class="card" aria-labelledby="stages">
                <header>
                    <h2 id="stages">{text::STAGES}</h2>
                    <span class="hint">{hint}</span>
                </header>
                <table class="table stacking">
                    <thead>
                        <tr>
                            <th scope="col">{text::STAGE}</th>
                            <th scope="col">{text::STATE}</th>
                            <th scope="col" class="number">
                                {text::WORK_DONE}
                            </th>
                            <th scope="col" class="number">
                                {text::TIME}
                            </th>
                            <th scope="col" class="number">
                                {text::USUALLY}
                            </th>
                            {other}
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        }
    })
}

/// `748,812 of 1,200,000 rows`, where the task counts.
fn work_so_far(progress: &Progress) -> Option<String> {
    let unit = progress.unit.as_str();
    match progress.max.filter(|max| *max > 0) {
        Some(max) => {
            let done = if unit == "B" { quantity(progress.value, unit) } else { count(progress.value) };
            Some(text::work_of(&done, &quantity(max, unit)))
        }
        None => (progress.value > 0).then(|| quantity(progress.value, unit)),
    }
}

/// All the work of a stage that is done.
fn work_of(curve: &Curve, stage: usize) -> Option<String> {
    let (work, unit) = (curve.works.get(stage).copied()??, curve.units.get(stage)?);
    (work > 0).then(|| quantity(work, unit))
}

#[component]
fn Stage(
    number: usize,
    name: String,
    passed: bool,
    /// The state of the job, if it is in this stage.
    here: Option<Shown>,
    work: Option<String>,
    seconds: Option<f64>,
    /// The median of recent runs, seconds.
    usual: Option<f64>,
    /// When the running job entered the stage.
    since: Option<Micros>,
    /// The run to compare with, and its seconds in the stage.
    beside: Option<(JobId, Option<f64>)>,
) -> impl IntoView {
    let shown = here.unwrap_or(if passed { Shown::Succeeded } else { Shown::Queued });
    let word = match (passed, here) {
        (true, _) => text::DONE,
        (false, None) => text::PENDING,
        (false, Some(shown)) => shown.label(),
    };
    view! {
        <tr data-state=shown.data_state()>
            <th scope="row">{format!("{number}. {name}")}</th>
            <td data-label=text::STATE>
                <StateBadge shown=shown word />
            </td>
            <td class="number" data-label=text::WORK_DONE>
                {work}
            </td>
            <td class="number" data-label=text::TIME>
                {match since {
                    Some(since) => Either::Left(view! { <span>"since " <Timestamp at=since /></span> }),
                    None => Either::Right(seconds.map(duration)),
                }}
            </td>
            <td class="number quiet-text" data-label=text::USUALLY>
                {usual.map(duration)}
            </td>
            {beside.map(|(job, seconds)| {
                view! {
                    <td class="number" data-label=text::time_of(&job)>
                        {seconds.map(duration)}
                    </td>
                }
            })}
        </tr>
    }
}
