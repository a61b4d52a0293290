//! Needs attention: what a user should look at first.
//!
//! The card holds rows of several kinds. A kind is a function that returns its [`Row`]s, most urgent first.

use engine::{access::Action, store::Schedule};
use leptos::prelude::*;
use model::{ControlTarget, JobView, Micros, QueueControl, Shown, count};

use super::text;
use crate::{
    base_path::url,
    components::{Icon, Timestamp, UserName, state_detail},
    context::app,
    layout::{ATTENTION_LIMIT, PageContext},
};

/// Rows shown; links lead to the others.
const ROWS: usize = 5;
/// A running job without a report for longer than this needs attention, seconds, unless longer pauses are usual.
const QUIET: f64 = 300.0;

/// One line of the card.
struct Row {
    /// Names the row among the others.
    key: String,
    state: &'static str,
    icon: &'static str,
    /// The page to open, and its name.
    href: String,
    name: String,
    /// What is wrong, after the name.
    what: AnyView,
    /// The label of the link to the page, for screen readers.
    opens: String,
    /// The form of failed jobs that hides the row.
    dismiss: Option<AnyView>,
}

/// Paused queues and tasks, schedules that were paused automatically, jobs that do not respond to cancel or are quiet
/// for long, and failed and interrupted jobs that were not retried or dismissed.
#[component]
pub(super) fn Attention(
    jobs: Vec<JobView>,
    suspended: Vec<Schedule>,
    /// All running jobs.
    running: Vec<JobView>,
    controls: Vec<QueueControl>,
) -> impl IntoView {
    let now = use_context::<PageContext>().map_or_else(|| app().engine.now(), |context| context.now);
    let dismissible = jobs.iter().filter(|job| app().engine.can_on(Action::Control, job)).count();
    let newest = jobs.iter().filter_map(|job| job.ended_at).max();
    let perhaps_more = jobs.len() >= ATTENTION_LIMIT as usize;
    let rows: Vec<Row> = controls
        .into_iter()
        .filter(|control| control.paused_at.is_some())
        .map(paused)
        .chain(suspended.into_iter().map(stopped_schedule))
        .chain(running.iter().filter(|job| is_stuck(job, now)).map(|job| stuck(job, now)))
        .chain(groups(jobs).iter().map(|group| went_wrong(group, newest, now)))
        .collect();
    let hidden = rows.len().saturating_sub(ROWS);
    (!rows.is_empty()).then(|| {
        view! {
            <section class="card" aria-labelledby="attention">
                <header>
                    <h2 id="attention">{text::NEEDS_ATTENTION}</h2>
                    <span class="hint">{text::ATTENTION_HINT}</span>
                    {newest.filter(|_| dismissible > 1).map(dismiss_all)}
                </header>
                <ul class="attention">{rows.into_iter().take(ROWS).map(draw).collect::<Vec<_>>()}</ul>
                {(hidden > 0 || perhaps_more)
                    .then(|| {
                        view! {
                            <footer>
                                {text::more_rows(hidden, perhaps_more)}
                                <a href=url("/jobs?state=failed")>{text::VIEW_ALL_FAILED}</a>
                                <a href=url("/jobs?state=interrupted")>{text::VIEW_ALL_INTERRUPTED}</a>
                            </footer>
                        }
                    })}
            </section>
        }
    })
}

fn draw(row: Row) -> impl IntoView {
    view! {
        <li data-state=row.state data-key=row.key>
            <Icon name=row.icon />
            <p>
                <a href=row.href.clone()>{row.name}</a>
                {row.what}
            </p>
            <div class="actions">
                {row.dismiss}
                <a class="button small" href=row.href>
                    {text::OPEN}
                    <span class="visually-hidden">{row.opens}</span>
                </a>
            </div>
        </li>
    }
}

/// A paused queue or task.
fn paused(control: QueueControl) -> Row {
    let name = match control.of {
        ControlTarget::Queue => text::queue(&control.name),
        ControlTarget::Kind => {
            app().engine.task(&control.name).map_or_else(|| control.name.clone(), |task| format!("“{}”", task.name))
        }
    };
    let what = view! {
        {text::WAS_PAUSED_BY}
        {control.paused_by.clone().map(|name| view! { <UserName name /> })}
        ", "
        {control.paused_at.map(|at| view! { <Timestamp at /> })}
    };
    Row {
        key: format!("queue {}", control.name),
        state: "paused",
        icon: "pause",
        href: url("/queues"),
        name,
        what: what.into_any(),
        opens: text::OPEN_THE_QUEUES.to_owned(),
        dismiss: None,
    }
}

/// A schedule that was paused automatically, and why.
fn stopped_schedule(schedule: Schedule) -> Row {
    Row {
        key: format!("schedule {}", schedule.id),
        state: "failed",
        icon: "schedules",
        href: url(&format!("/schedules/{}", schedule.id)),
        opens: format!(" {}", schedule.plan.name),
        name: schedule.plan.name,
        what: schedule.paused.map(|pause| text::paused_automatically(&pause.why)).into_any(),
        dismiss: None,
    }
}

/// Whether a running job does not respond to cancel, or is quiet for long.
fn is_stuck(job: &JobView, now: Micros) -> bool {
    match job.shown() {
        Shown::NotResponding | Shown::NoContact => true,
        Shown::Running | Shown::Pausing | Shown::Cancelling => {
            job.quiet_for(now).is_some_and(|seconds| seconds >= QUIET)
        }
        _ => false,
    }
}

/// A job that [`is_stuck`]. It leaves the list by itself when it reports again or ends.
fn stuck(job: &JobView, now: Micros) -> Row {
    let what = match job.shown() {
        Shown::NotResponding => text::not_responding_for(&state_detail(job, now)),
        Shown::NoContact => text::no_contact(&state_detail(job, now)),
        _ => text::quiet_for(&model::duration(job.quiet_for(now).unwrap_or_default())),
    };
    Row { icon: "slow", state: "warnings", ..job_row(job, what.into_any()) }
}

/// The newest of some jobs of one kind that ended with the same error, and their number.
struct Group {
    newest: JobView,
    jobs: u64,
}

/// Groups jobs, newest first, by kind and error.
fn groups(jobs: Vec<JobView>) -> Vec<Group> {
    let mut groups = Vec::<Group>::new();
    for job in jobs {
        match groups.iter_mut().find(|group| group.newest.failed_like(&job)) {
            Some(group) => group.jobs += 1,
            None => groups.push(Group { newest: job, jobs: 1 }),
        }
    }
    groups
}

/// Failed or interrupted jobs. `newest` is the end of the newest on the page: what ends later is not dismissed unseen.
fn went_wrong(group: &Group, newest: Option<Micros>, now: Micros) -> Row {
    let job = &group.newest;
    let at = match state_detail(job, now) {
        detail if detail.is_empty() => detail,
        detail => format!(" {detail}"),
    };
    let (icon, sentence) = if job.shown() == Shown::Interrupted {
        ("interrupted", text::was_interrupted(&at))
    } else {
        let why = job.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
        ("failed", text::failed(&at, &why))
    };
    let others = (group.jobs > 1).then(|| {
        let href = url(&format!("/jobs?state={}&kind={}", job.state.as_str(), job.kind));
        view! {
            " · "
            <a href=href>{text::others_alike(&count(group.jobs - 1))}</a>
        }
    });
    let dismiss = app().engine.can_on(Action::Control, job).then(|| {
        let label = text::dismiss_job(&job.job);
        view! {
            <form method="post" action=url("/api/dismiss_job")>
                <input type="hidden" name="id" value=job.job.0 />
                {newest
                    .filter(|_| group.jobs > 1)
                    .map(|until| view! { <input type="hidden" name="until" value=until.0 /> })}
                <button class="button small" type="submit" aria-label=label>
                    {text::DISMISS}
                </button>
            </form>
        }
        .into_any()
    });
    Row { icon, dismiss, ..job_row(job, view! { {sentence} {others} }.into_any()) }
}

fn job_row(job: &JobView, what: AnyView) -> Row {
    Row {
        key: job.job.to_string(),
        state: job.shown().data_state(),
        icon: "failed",
        href: url(&format!("/jobs/{}", job.job)),
        name: job.title.clone(),
        what,
        opens: format!(" #{}", job.job),
        dismiss: None,
    }
}

/// Dismisses what is shown, and nothing that ended since.
fn dismiss_all(until: Micros) -> impl IntoView {
    view! {
        <form class="actions" method="post" action=url("/api/dismiss_jobs")>
            <input type="hidden" name="until" value=until.0 />
            <button class="button small quiet" type="submit">
                {text::DISMISS_ALL}
            </button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use model::{Failure, JobId, JobState};

    use super::*;

    fn job(number: i64, kind: &str, why: &str) -> JobView {
        let failure = Some(Failure { code: "io".to_owned(), message: why.to_owned() });
        JobView { state: JobState::Failed, failure, ..JobView::new(JobId(number), kind, "Try", "ada", Micros(0)) }
    }

    #[test]
    fn same_error_of_one_kind_is_one_group() {
        let jobs = vec![job(5, "a", "full"), job(4, "b", "full"), job(3, "a", "lost"), job(2, "a", "full")];
        let interrupted = JobView { state: JobState::Interrupted, ..job(1, "a", "full") };
        let groups = groups(jobs.into_iter().chain([interrupted]).collect());
        let found: Vec<_> = groups.iter().map(|group| (group.newest.job.0, group.jobs)).collect();
        assert_eq!(found, [(5, 2), (4, 1), (3, 1), (1, 1)]);
    }

    #[test]
    fn job_without_report_for_five_minutes_is_stuck() {
        let started = Micros(1_000_000);
        let running = JobView {
            state: JobState::Running,
            started_at: Some(started),
            ..JobView::new(JobId(1), "a", "Try", "ada", started)
        };
        let after = |seconds: i64| Micros(started.0 + seconds * 1_000_000);
        assert!(!is_stuck(&running, after(299)));
        assert!(is_stuck(&running, after(300)));
        let mut slow = running.clone();
        slow.progress.quiet_after = Some(900.0);
        assert!(!is_stuck(&slow, after(600)), "pauses of five minutes are usual for its task");
        assert!(is_stuck(&slow, after(900)));
        assert!(is_stuck(&JobView { not_responding: true, ..running.clone() }, after(1)));
        assert!(!is_stuck(&JobView { state: JobState::Paused, ..running }, after(900)));
    }
}
