//! The scheduler: starts the runs of schedules when they are due. The server runs it. If two processes ran it, each run
//! would still start once: the store checks that.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use model::Micros;

use crate::{
    Error, Result, StartOptions,
    access::{Action, Actor, Denied, Principal, Rule, Rules, Subject, authorise},
    scheduling::{
        due_runs::{DueRuns, due_runs},
        plan::parse_cron,
    },
    shared::Shared,
    store::{Attribution, Due, Fire, NewJob, Schedule},
    task::{acceptance::checked, validate::Sender},
};

/// Fallback poll, for schedules changed by other processes and clocks set forward.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// Pause after a store error.
const RECOVER: Duration = Duration::from_secs(1);

/// Starts due runs until the engine stops.
pub(crate) async fn run_scheduler(shared: Arc<Shared>) {
    while !shared.stopping.is_raised() {
        // Registered before the store is read, so that no change in between is missed.
        let mut woken = std::pin::pin!(shared.scheduler_waker.woken.notified());
        woken.as_mut().enable();
        shared.scheduler_waker.ends_matter.store(true, Ordering::SeqCst);
        let now = shared.clock.now();
        let pause = match run_due_schedules(&shared, now).await {
            Ok(due) => {
                shared.scheduler_waker.ends_matter.store(due.waiting, Ordering::SeqCst);
                let until = due.next.map(|next| Duration::from_secs_f64(next.seconds_since(now).max(0.0)));
                match due.schedules.len() {
                    0 => until.map_or(LOOK_ANYWAY, |until| until.min(LOOK_ANYWAY)),
                    _ => Duration::ZERO,
                }
            }
            Err(error) => {
                tracing::error!(%error, "cannot start what is due by schedule; trying again");
                RECOVER
            }
        };
        tokio::select! {
            () = woken => {}
            () = tokio::time::sleep(pause) => {}
            () = shared.stopping.raised() => return,
        }
    }
}

/// Handles all schedules due at `now`, and returns them. An error in one does not delay the others.
async fn run_due_schedules(shared: &Shared, now: Micros) -> Result<Due> {
    let due = shared.store.due_schedules(now).await?;
    let mut failed = None;
    for schedule in &due.schedules {
        if let Err(error) = start_due_runs(shared, schedule, now).await {
            failed = Some(error);
        }
    }
    failed.map_or(Ok(due), Err)
}

/// Starts the due runs of a schedule, or pauses it if they cannot start.
async fn start_due_runs(shared: &Shared, schedule: &Schedule, now: Micros) -> Result<()> {
    let answer = match prepared(shared, schedule).await? {
        Ok(job) => match due_runs_of(schedule, now) {
            Ok(due_runs_of) => shared.store.fire(fire(schedule, due_runs_of, job)).await.map(drop),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match answer {
        Err(error) if is_about_the_plan(&error) => {
            shared.store.stop_schedule(schedule.id, schedule.revision, &reason(schedule, &error)).await
        }
        answer => answer,
    }
}

fn due_runs_of(schedule: &Schedule, now: Micros) -> Result<DueRuns> {
    let cron = parse_cron(&schedule.plan.expression, &schedule.plan.zone)?;
    Ok(due_runs(&cron, schedule.next_at, now, schedule.plan.missed))
}

fn fire(schedule: &Schedule, due_runs_of: DueRuns, job: NewJob) -> Fire {
    let DueRuns { due, made_up, skipped, next_at } = due_runs_of;
    let (revision, seen) = (schedule.revision, schedule.next_at);
    Fire { schedule: schedule.id, revision, seen, next_at, due, made_up, skipped, job }
}

/// Checks that the runs of a schedule can start.
///
/// # Errors
/// `Error::Refused`, `schedule_invalid`, with the reason.
pub(crate) async fn check_plan(shared: &Shared, schedule: &Schedule) -> Result<()> {
    match prepared(shared, schedule).await? {
        Ok(_) => Ok(()),
        Err(error) if is_about_the_plan(&error) => {
            let reason = reason(schedule, &error);
            let message = format!("Not resumed: {}. Edit the schedule, then resume it.", reason.trim_end_matches('.'));
            Err(Error::Refused { code: "schedule_invalid", message })
        }
        Err(error) => Err(error),
    }
}

/// The job of a run: in the name of the owner, if they may still start it and the input is still valid.
async fn prepared(shared: &Shared, schedule: &Schedule) -> Result<Result<NewJob>> {
    if let Err(denied) = owner_may_start(shared, schedule).await? {
        return Ok(Err(denied.into()));
    }
    let by = Attribution::from(schedule.owner.as_str());
    let options = StartOptions { by, priority: schedule.plan.priority, ..StartOptions::default() };
    let input = match schedule.input() {
        Ok(input) => input,
        Err(error) => return Ok(Err(error)),
    };
    match checked(shared, &schedule.plan.kind, input, Sender::Program, options).await {
        Err(error) if !is_about_the_plan(&error) => Err(error),
        answer => Ok(answer),
    }
}

async fn owner_may_start(shared: &Shared, schedule: &Schedule) -> Result<Result<(), Denied>> {
    if !shared.accounts {
        return Ok(Ok(()));
    }
    let people = shared.store.users().await?;
    let owner = people.iter().find(|person| *person.name == *schedule.owner && person.removed_at.is_none());
    // A user who was removed is anonymous.
    let actor = owner.map_or(Actor::Anonymous, |person| {
        Actor::User(Principal { user: person.id, name: Arc::clone(&person.name), role: person.role })
    });
    let of_tasks = shared.registry.catalogue().iter().map(|task| {
        let rule = Rule { start: task.start_role, private: task.private };
        (task.kind.to_string(), rule)
    });
    let rules = Rules::new(of_tasks, &shared.store.kind_rules().await?);
    Ok(authorise(&actor, Action::Start, Subject::Kind(rules.of(&schedule.plan.kind))))
}

/// Whether every further try would fail too.
fn is_about_the_plan(error: &Error) -> bool {
    matches!(
        error,
        Error::Denied(_)
            | Error::InvalidInput(_)
            | Error::UnknownKind { .. }
            | Error::NoSuchUpload(_)
            | Error::Path(_)
            | Error::Quota { .. }
            | Error::Refused { .. }
    )
}

/// The reason of the pause, for users.
fn reason(schedule: &Schedule, error: &Error) -> String {
    let owner = &schedule.owner;
    match error {
        Error::Denied(Denied::SignIn) => format!("its owner {owner} is no longer a user of this server"),
        Error::Denied(denied) => format!("its owner {owner} may no longer start this task: {denied}"),
        Error::UnknownKind { kind, .. } => format!("there is no task {kind} any more"),
        Error::InvalidInput(faults) => {
            let told: Vec<_> = faults
                .iter()
                .map(|fault| match fault.field.as_str() {
                    "" => fault.message.clone(),
                    field => format!("{field}: {}", fault.message),
                })
                .collect();
            format!("its input is no longer valid: {}", told.join(" "))
        }
        error => format!("its job cannot be started: {error}"),
    }
}
