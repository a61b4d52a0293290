//! Progress chart: progress over time, with another run of the task to compare.

use engine::{Curve, CurvePoint};
use leptos::prelude::*;
use model::{AttemptNo, JobId, JobState, JobView, duration};

use super::data::{Comparison, Data};
use super::text;
use crate::base_path::url;

/// Width and height of the plot, in its own units.
const SIZE: f32 = 100.0;
/// The fewest points of a chart.
const POINTS: usize = 3;

/// The chart; hidden for a job that was too short or reports no progress.
#[component]
pub(super) fn ProgressChart(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    let own = data.curve.clone().map(|curve| shown(curve, job.attempt)).filter(|points| points.len() >= POINTS)?;
    let (other, refused) = match data.beside.clone() {
        Some(Comparison::Run(view, _, curve)) => {
            let points = curve.map(|curve| shown(curve, view.attempt)).unwrap_or_default();
            (Some((*view, points)), None)
        }
        Some(Comparison::Refused(why)) => (None, Some(why)),
        None => (None, None),
    };
    let span = [Some(&own), other.as_ref().map(|(_, points)| points)].into_iter().flatten().filter_map(|p| p.last());
    let span = span.map(|point| point.seconds).fold(1.0, f32::max);
    let summary = summary(&job, &own, other.as_ref());
    let legend = other.as_ref().map(|(view, points)| {
        let took = view.ended().and_then(|at| view.work_time(at)).map(|seconds| text::comma_took(&duration(seconds)));
        let none = if points.is_empty() { text::NO_CURVE } else { "" };
        view! {
            <li class="dashed">
                <i></i>
                <a href=url(&format!("/jobs/{}", view.job))>{format!("#{}", view.job)}</a>
                {took}
                {none}
            </li>
        }
    });
    Some(view! {
        <section class="card" aria-labelledby="curve">
            <header>
                <h2 id="curve">{text::PROGRESS_OVER_TIME}</h2>
                <Choice job=job.job with=other.as_ref().map(|(view, _)| view.job) runs=data.comparable />
            </header>
            <div class="body chart with-scale">
                {refused.map(|why| view! { <p class="hint" role="status">{why}</p> })}
                <div class="scale" aria-hidden="true">
                    <span>"100\u{a0}%"</span>
                    <span>"50\u{a0}%"</span>
                    <span>"0\u{a0}%"</span>
                </div>
                <svg class="plot" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=summary>
                    {[0, 50, 100].map(|y| view! { <line class="grid" x1="0" x2="100" y1=y y2=y></line> })}
                    {stage_lines(&own, span)}
                    {other.as_ref().map(|(_, points)| view! { <polyline class="beside" points=line(points, span) /> })}
                    <polyline class="course" points=line(&own, span) />
                </svg>
                {stage_names(&own, span, &data.task.1)}
                <div class="axis" aria-hidden="true">
                    {[0.0, 0.25, 0.5, 0.75, 1.0].map(|part| view! { <span>{time(span * part)}</span> })}
                </div>
                <ul class="legend">
                    <li class="solid">
                        <i></i>
                        {text::this_run(&job.job)}
                    </li>
                    {legend}
                </ul>
            </div>
        </section>
    })
}

/// The form that chooses another run to compare.
#[component]
fn Choice(
    job: JobId,
    /// The run that is shown.
    with: Option<JobId>,
    runs: Vec<JobView>,
) -> impl IntoView {
    let others: Vec<_> = runs.into_iter().filter(|run| run.job != job && run.started_at.is_some()).collect();
    (!others.is_empty()).then(|| {
        let options: Vec<_> = others
            .into_iter()
            .map(|run| {
                let words = format!("#{} {}", run.job, run.shown().label().to_lowercase());
                view! { <option value=run.job.to_string() selected=with == Some(run.job)>{words}</option> }
            })
            .collect();
        view! {
            <form class="actions" method="get" action=url(&format!("/jobs/{job}#curve"))>
                <label class="visually-hidden" for="with">
                    {text::ANOTHER_RUN_OF_THIS_TASK}
                </label>
                <select class="input" id="with" name="with">
                    {options}
                </select>
                <button class="button small">{text::COMPARE}</button>
                {with.map(|_| {
                    view! {
                        <a class="button quiet small" href=url(&format!("/jobs/{job}#curve"))>
                            {text::CLEAR}
                        </a>
                    }
                })}
            </form>
        }
    })
}

/// Returns the points with a known progress. A first attempt starts at zero, before the first point.
fn shown(curve: Curve, attempt: AttemptNo) -> Vec<CurvePoint> {
    let points = curve.points.into_iter().filter(|point| point.fraction.is_some());
    let mut points: Vec<_> = points.collect();
    if let Some(first) = points.first().filter(|first| attempt == 1 && first.seconds > 0.0) {
        points.insert(0, CurvePoint { seconds: 0.0, fraction: Some(0.0), ..*first });
    }
    points
}

/// Returns the coordinates of a line through the points.
fn line(points: &[CurvePoint], span: f32) -> String {
    let place = |point: &CurvePoint| {
        let (x, y) = (point.seconds / span * SIZE, SIZE - point.fraction.unwrap_or_default() * SIZE);
        format!("{x:.2},{y:.2}")
    };
    points.iter().map(place).collect::<Vec<_>>().join(" ")
}

/// Lines where stages ended.
fn stage_lines(points: &[CurvePoint], span: f32) -> Vec<impl IntoView + use<>> {
    let changes = points.windows(2).filter(|pair| pair[0].stage != pair[1].stage);
    changes
        .map(|pair| {
            let x = format!("{:.2}", pair[1].seconds / span * SIZE);
            view! { <line class="post" x1=x.clone() x2=x y1="0" y2="100"></line> }
        })
        .collect()
}

/// A stage narrower than this part of the chart has no name in it.
const MIN_NAMED: f32 = 12.0;

/// The names of the stages under the parts of the chart that are theirs.
fn stage_names(points: &[CurvePoint], span: f32, names: &[String]) -> Option<impl IntoView + use<>> {
    let starts = points.windows(2).filter(|pair| pair[0].stage != pair[1].stage).map(|pair| &pair[1]);
    let starts: Vec<_> = points.first().into_iter().chain(starts).collect();
    let end = points.last().map_or(span, |point| point.seconds);
    let ends = starts.iter().skip(1).map(|point| point.seconds).chain([end]);
    let name = |(start, end): (&&CurvePoint, f32)| {
        let name = names.get(start.stage? as usize)?.clone();
        let (x, width) = (start.seconds / span * SIZE, (end - start.seconds) / span * SIZE);
        (width >= MIN_NAMED).then(|| {
            view! {
                <foreignObject x=format!("{x:.2}%") y="0" width=format!("{width:.2}%") height="18">
                    <div>{name}</div>
                </foreignObject>
            }
        })
    };
    let drawn: Vec<_> = starts.iter().zip(ends).filter_map(name).collect();
    (names.len() > 1 && !drawn.is_empty()).then(|| view! { <svg class="curve-stages" aria-hidden="true">{drawn}</svg> })
}

/// Describes the chart for screen readers.
fn summary(job: &JobView, points: &[CurvePoint], other: Option<&(JobView, Vec<CurvePoint>)>) -> String {
    let half = |points: &[CurvePoint]| points.iter().find(|point| point.fraction >= Some(0.5)).map(|p| p.seconds);
    let end = points.last().map_or(0.0, |point| point.seconds);
    let mut words = match job.state {
        JobState::Succeeded => text::completed_after(&time(end)),
        _ => text::reached(&job.percent().unwrap_or_default(), &time(end)),
    };
    if let Some(half) = half(points) {
        words = text::half_after(&words, &time(half));
    }
    if let Some((view, points)) = other
        && let Some(half) = half(points)
    {
        words = text::other_half_after(&words, &view.job, &time(half));
    }
    words
}

fn time(seconds: f32) -> String {
    if seconds == 0.0 { "0 s".to_owned() } else { duration(f64::from(seconds)) }
}
