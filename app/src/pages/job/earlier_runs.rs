//! Earlier runs of the task: a bar each with the usual band, this run dotted; as a table for screen readers.

use leptos::prelude::*;
use model::{JobState, JobView, Shown, duration};

use super::{details_cards::Link, text};
use crate::{
    base_path::url,
    components::{Icon, StateBadge},
    pages::shared::bar_class,
};

/// Fewest succeeded runs for a usual band.
const BAND_RUNS: usize = 4;
/// Fewest ended runs for bars.
const BARS: usize = 2;
/// Height of the plot and distance of the bars, in its own units.
const HEIGHT: f64 = 100.0;
const STEP: f64 = 8.0;

/// Hidden before the second run of a task.
#[component]
pub(super) fn EarlierRuns(
    job: JobView,
    /// Newest first.
    runs: Vec<JobView>,
) -> impl IntoView {
    (!runs.is_empty()).then(|| {
        let chart = Chart::of(&job, &runs).map(Chart::draw);
        let open = chart.is_none();
        let rows: Vec<_> = runs.into_iter().map(|run| view! { <Row run /> }).collect();
        view! {
            <section class="card" aria-labelledby="runs">
                <header>
                    <h2 id="runs">{text::EARLIER_RUNS}</h2>
                    <span class="hint">{text::OF_THIS_TASK}</span>
                </header>
                {chart}
                <details class="disclosure runs" id="runs-table" open=open>
                    <summary>
                        <Icon name="right" />
                        {text::AS_TABLE}
                    </summary>
                    <table class="table">
                        <thead class="visually-hidden">
                            <tr>
                                <th scope="col">{text::JOB}</th>
                                <th scope="col">{text::STATE}</th>
                                <th scope="col">{text::TOOK}</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </details>
            </section>
        }
    })
}

#[component]
fn Row(run: JobView) -> impl IntoView {
    let word = (run.shown() == Shown::Warnings).then_some(text::WARNINGS);
    view! {
        <tr>
            <th scope="row">
                <Link to=run.job />
            </th>
            <td>
                <StateBadge shown=run.shown() word=word.unwrap_or_else(|| run.shown().label()) />
            </td>
            <td class="number">{seconds(&run).map(duration)}</td>
        </tr>
    }
}

/// How long an ended run took.
fn seconds(run: &JobView) -> Option<f64> {
    run.ended().and_then(|at| run.work_time(at))
}

struct Chart {
    /// Oldest first.
    bars: Vec<(JobView, f64)>,
    /// The middle half of the succeeded runs, seconds.
    band: Option<(f64, f64)>,
    /// Seconds of this run, and whether they are only expected.
    own: Option<(f64, bool)>,
}

impl Chart {
    fn of(job: &JobView, runs: &[JobView]) -> Option<Self> {
        let mut bars: Vec<_> = runs.iter().filter_map(|run| Some((run.clone(), seconds(run)?))).collect();
        bars.reverse();
        let mut good: Vec<f64> =
            bars.iter().filter(|(run, _)| run.state == JobState::Succeeded).map(|(_, seconds)| *seconds).collect();
        good.sort_unstable_by(f64::total_cmp);
        let quarter = |part: usize| good.get(good.len() * part / 4).copied();
        let band = quarter(1).zip(quarter(3)).filter(|_| good.len() >= BAND_RUNS);
        let own = match seconds(job) {
            Some(seconds) => Some((seconds, false)),
            None => quarter(2).map(|seconds| (seconds, true)),
        };
        (bars.len() >= BARS).then_some(Self { bars, band, own })
    }

    fn draw(self) -> impl IntoView {
        let Self { bars, band, own } = self;
        let every = bars.iter().map(|(_, seconds)| *seconds).chain(own.map(|(seconds, _)| seconds));
        let longest = every.chain(band.map(|(_, high)| high)).fold(0.05, f64::max);
        let top = move |seconds: f64| HEIGHT - (seconds / longest * HEIGHT).max(3.0);
        let count = bars.len();
        let width = (count + 1) as f64 * STEP;
        let usual = band.map(|(low, high)| text::usually(&duration(low), &duration(high)));
        let this = own.map(|(seconds, expected)| {
            if expected { text::this_run_expected(&duration(seconds)) } else { text::this_run_took(&duration(seconds)) }
        });
        let failed = bars.iter().filter(|(run, _)| bar_class(run.state) == Some("bad")).count();
        let label = [Some(text::earlier_runs_failed(&count, &failed)), usual.clone(), this.clone()];
        let label = label.into_iter().flatten().collect::<Vec<_>>().join(". ");
        let bar = |(i, (run, seconds)): (usize, (JobView, f64))| {
            let name = text::run_took(&run.job, &run.shown().label().to_lowercase(), &duration(seconds));
            let (x, y) = (i as f64 * STEP + 1.0, top(seconds));
            // Not in the tab order: the table has the same links.
            view! {
                <a href=url(&format!("/jobs/{}", run.job)) tabindex="-1">
                    <title>{name}</title>
                    <rect class=bar_class(run.state).unwrap_or("good") x=x y=format!("{y:.1}") width="6" height=format!("{:.1}", HEIGHT - y)></rect>
                </a>
            }
        };
        let own = own.map(|(seconds, _)| {
            let y = top(seconds);
            let x = count as f64 * STEP + 1.0;
            view! { <rect class="own" x=x y=format!("{y:.1}") width="6" height=format!("{:.1}", HEIGHT - y)></rect> }
        });
        let band = band.map(|(low, high)| {
            let (y, bottom) = (top(high), top(low));
            view! { <rect class="band" x="0" y=format!("{y:.1}") width=width height=format!("{:.1}", (bottom - y).max(1.0))></rect> }
        });
        view! {
            <div class="body chart runs-chart">
                <p class="visually-hidden">{label}</p>
                <svg class="plot" viewBox=format!("0 0 {width} 100") preserveAspectRatio="none" aria-hidden="true">
                    {band}
                    {bars.into_iter().enumerate().map(bar).collect::<Vec<_>>()}
                    {own}
                </svg>
                <ul class="legend" aria-hidden="true">
                    {usual.map(|usual| view! { <li class="band"><i></i>{usual}</li> })}
                    {this.map(|this| view! { <li class="own"><i></i>{this}</li> })}
                </ul>
            </div>
        }
    }
}
