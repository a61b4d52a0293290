//! Attempts of a job: when, how they ended, why.

use engine::store::AttemptRow;
use leptos::prelude::*;
use model::{JobState, JobView, Shown, duration};

use super::{data::Data, text};
use crate::components::{Icon, StateBadge, Timestamp, reached};

/// Newest first and open; hidden before the first.
#[component]
pub(super) fn Attempts(data: Data) -> impl IntoView {
    let job = data.detail.view.clone();
    let hint = (job.max_attempts > 1).then(|| text::max_attempts(&job.max_attempts));
    (!data.attempts.is_empty()).then(|| {
        let count = data.attempts.len();
        let rows: Vec<_> = data
            .attempts
            .into_iter()
            .enumerate()
            .map(|(i, row)| view! { <Attempt row job=job.clone() newest=i == 0 /> })
            .collect();
        view! {
            <section class="card" aria-labelledby="attempts">
                <header>
                    <h2 id="attempts">{text::ATTEMPTS}</h2>
                    <span class="count-badge">{count}</span>
                    {hint.map(|hint| view! { <span class="hint">{hint}</span> })}
                </header>
                {rows}
            </section>
        }
    })
}

#[component]
fn Attempt(row: AttemptRow, job: JobView, newest: bool) -> impl IntoView {
    let shown = shown(&row, &job);
    let view = JobView { state: row.state, progress: row.progress.clone(), ..job.clone() };
    let at = reached(&view).filter(|_| row.state != JobState::Succeeded).map(|at| text::at_percent(&at));
    let why = row.failure.as_ref().map(|failure| failure.message.lines().next().unwrap_or_default().to_owned());
    let took = row.ended_at.map(|at| {
        let said = Some(row.progress.message.clone()).filter(|said| !said.is_empty());
        let said = said.map_or_else(String::new, |said| text::last_message(&said));
        text::took(&duration(at.seconds_since(row.started_at)), &said)
    });
    let trace = text::error_trace(&row.attempt);
    view! {
        <details class="attempt" id=format!("attempt-{}", row.attempt) open=newest>
            <summary>
                <Icon name="right" />
                <b>{text::attempt(&row.attempt)}</b>
                <StateBadge shown=shown detail=at.unwrap_or_default() />
                <span class="why">{why}</span>
                <span class="span">
                    <Timestamp at=row.started_at /> {row.ended_at.map(|at| view! { " – " <Timestamp at /> })}
                </span>
            </summary>
            {took
                .map(|took| {
                    view! {
                        <div class="body">
                            <p class="quiet-text">
                                <small>{took}</small>
                            </p>
                            {(!row.trace.is_empty())
                                .then(|| {
                                    view! {
                                        <pre class="code" tabindex="0" aria-label=trace>
                                            {row.trace}
                                        </pre>
                                    }
                                })}
                        </div>
                    }
                })}
        </details>
    }
}

/// Returns an attempt's state as that of a job.
fn shown(row: &AttemptRow, job: &JobView) -> Shown {
    let view = JobView { state: row.state, progress: row.progress.clone(), ..job.clone() };
    if row.attempt == job.attempt { job.shown() } else { view.shown() }
}
