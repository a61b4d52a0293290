//! Schedules and their runs.

use engine::{
    Error,
    access::Visibility,
    store::{
        AuditQuery, DurableEvent, Fire, Fired, MAX_SCHEDULES_PER_USER, Missed, NewJob, Outcome, Overlap, Plan, Run,
        RunOf, SavePlan, Schedule, ScheduleAt, ScheduleId, ScheduleQuery, Skip, SkipReason, Store, UploadRow,
    },
};
use model::{JobId, JobState, Micros, Priority, StreamEvent};

use super::super::support::{HOUR, TestStore, claim_one, finish, new_job, succeeded};

const NOW: i64 = 500_000 * HOUR;

fn at(hours: i64) -> Micros {
    Micros(NOW + hours * HOUR)
}

fn plan(overlap: Overlap) -> Plan {
    Plan {
        name: "Nightly".to_owned(),
        kind: "a".to_owned(),
        input: "{}".to_owned(),
        priority: Priority::default(),
        expression: "0 2 * * *".to_owned(),
        zone: "UTC".to_owned(),
        overlap,
        missed: Missed::All(7),
    }
}

fn save(plan: Plan, next_at: Micros) -> SavePlan {
    SavePlan { plan, uploads: Vec::new(), next_at: Some(next_at), by: "ann".into() }
}

async fn add(store: &dyn Store, overlap: Overlap) -> Schedule {
    let id = store.add_schedule(save(plan(overlap), at(1))).await.expect("kept");
    store.schedule(id).await.expect("found")
}

/// The request of the scheduler for a due run; the next one is an hour later.
fn fire(schedule: &Schedule) -> Fire {
    Fire {
        schedule: schedule.id,
        revision: schedule.revision,
        seen: schedule.next_at,
        next_at: schedule.next_at.map(|at| Micros(at.0 + HOUR)),
        due: schedule.next_at.into_iter().collect(),
        made_up: Vec::new(),
        skipped: None,
        job: new_job("a"),
    }
}

/// The request of the scheduler when a run may have ended.
fn look(schedule: &Schedule) -> Fire {
    Fire { next_at: schedule.next_at, due: Vec::new(), ..fire(schedule) }
}

async fn fires(store: &dyn Store, id: ScheduleId) -> Fired {
    let schedule = store.schedule(id).await.expect("found");
    store.fire(fire(&schedule)).await.expect("answered")
}

async fn looks(store: &dyn Store, id: ScheduleId) -> Fired {
    let schedule = store.schedule(id).await.expect("found");
    store.fire(look(&schedule)).await.expect("answered")
}

fn started(fired: Fired) -> JobId {
    match fired {
        Fired::Started(job) => job,
        other => panic!("nothing was started: {other:?}"),
    }
}

/// Runs the job to success.
async fn run(store: &dyn Store) -> JobId {
    let claimed = claim_one(store, "a").await;
    store.finish(finish(&claimed.fence, succeeded())).await.expect("finished").job
}

async fn skips(store: &dyn Store, id: ScheduleId) -> Vec<(Skip, Option<JobId>)> {
    let runs = store.runs(id, 100).await.expect("read");
    let skip = |run| match run {
        Run::Skipped { skip, job, .. } => Some((skip, job)),
        Run::Started { .. } => None,
    };
    runs.into_iter().filter_map(skip).collect()
}

fn one(due: Micros, why: SkipReason) -> Skip {
    Skip { due, last_due: due, runs: 1, why }
}

pub(crate) async fn every_change_of_schedule_is_an_event(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Skip).await.id;
    let events = || test.recorder.events().len();
    let mut expected = 1;
    assert_eq!(events(), expected, "added");
    let revision = async || store.schedule(id).await.expect("found").revision;
    store.change_schedule(id, revision().await, save(plan(Overlap::Skip), at(1))).await.expect("changed");
    store.pause_schedule(id, &"ann".into()).await.expect("paused");
    store.pause_schedule(id, &"ann".into()).await.expect("paused already");
    store.resume_schedule(id, revision().await, Some(at(1)), &"ann".into()).await.expect("resumed");
    expected += 3;
    assert_eq!(events(), expected, "the second pause has changed nothing");
    test.clock.advance(HOUR);
    started(fires(store, id).await);
    expected += 1;
    assert_eq!(events(), expected, "the new job");
    test.clock.advance(HOUR);
    assert_eq!(fires(store, id).await, Fired::Nothing);
    expected += 1;
    assert_eq!(events(), expected, "the run was skipped, because the one before is active");
    assert_eq!(looks(store, id).await, Fired::Nothing);
    store.stop_schedule(id, revision().await, "its folder is gone").await.expect("stopped");
    store.delete_schedule(id, None, &"ann".into()).await.expect("deleted");
    expected += 2;
    let events = test.recorder.events();
    assert_eq!(events.len(), expected, "a look that finds nothing to do is none");
    let of_schedule = |event: &&std::sync::Arc<DurableEvent>| {
        matches!(&event.event, StreamEvent::Schedule(event)
        if (event.schedule, &*event.kind, &*event.owner) == (id.0, "a", "ann"))
    };
    assert_eq!(events.iter().filter(of_schedule).count(), expected - 1);
    let replayed = store.events_after(model::Seq(0), 99).await.expect("read").expect("kept");
    assert_eq!(replayed, events);
}

pub(crate) async fn due_run_fires_once(test: TestStore) {
    let store = &*test.store;
    let schedule = add(store, Overlap::Skip).await;
    test.clock.advance(HOUR);
    let asked = fire(&schedule);
    let (one, other) = tokio::join!(store.fire(asked.clone()), store.fire(asked.clone()));
    let answers = [one.expect("answered"), other.expect("answered"), store.fire(asked).await.expect("answered")];
    assert_eq!(answers.iter().filter(|answer| **answer == Fired::Stale).count(), 2, "{answers:?}");
    let job = answers.into_iter().find(|answer| *answer != Fired::Stale).map(started).expect("one is started");
    let view = store.job(job).await.expect("found");
    assert_eq!((&*view.created_by, view.state), ("ann", JobState::Queued));
    let run = RunOf { schedule: schedule.id, name: "Nightly".to_owned(), due: Some(at(1)) };
    assert_eq!(store.runs_among(&[job, JobId(77)]).await.expect("read"), [(job, run)].into());
    let after = store.schedule(schedule.id).await.expect("found");
    assert_eq!((after.next_at, after.under_way, after.revision), (Some(at(2)), Some(job), schedule.revision));
}

pub(crate) async fn due_schedules_and_next_time_are_found(test: TestStore) {
    let store = &*test.store;
    let early = store.add_schedule(save(plan(Overlap::Skip), at(1))).await.expect("kept");
    let late = store.add_schedule(save(plan(Overlap::Skip), at(5))).await.expect("kept");
    let paused = store.add_schedule(save(plan(Overlap::Skip), at(1))).await.expect("kept");
    store.pause_schedule(paused, &"ann".into()).await.expect("paused");
    let due = async |now| {
        let due = store.due_schedules(now).await.expect("read");
        (due.schedules.iter().map(|schedule| schedule.id).collect::<Vec<_>>(), due.next, due.waiting)
    };
    assert_eq!(due(Micros(at(1).0 - 1)).await, (vec![], Some(at(1)), false));
    assert_eq!(due(at(1)).await, (vec![early], Some(at(5)), false));
    assert_eq!(due(at(9)).await, (vec![early, late], None, false));
}

pub(crate) async fn overlap_skip_skips_the_run(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Skip).await.id;
    let first = started(fires(store, id).await);
    assert_eq!(fires(store, id).await, Fired::Nothing);
    assert_eq!(skips(store, id).await, [(one(at(2), SkipReason::Overlap), Some(first))]);
    assert_eq!(run(store).await, first);
    let second = started(fires(store, id).await);
    assert!(second > first);
    // Newest first.
    let runs = store.runs(id, 2).await.expect("read");
    assert!(matches!(&runs[0], Run::Started { due, job } if *due == Some(at(3)) && job.job == second), "{runs:?}");
    assert_eq!(runs.len(), 2);
}

pub(crate) async fn overlap_queue_keeps_one_waiting_run(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Queue).await.id;
    let first = started(fires(store, id).await);
    assert_eq!(fires(store, id).await, Fired::Nothing);
    assert_eq!(fires(store, id).await, Fired::Nothing);
    assert_eq!(skips(store, id).await, [(one(at(3), SkipReason::OneWaits), Some(first))]);
    let standing = store.schedule(id).await.expect("found");
    assert_eq!((standing.under_way, standing.waiting), (Some(first), 1));
    let due = store.due_schedules(at(1)).await.expect("read");
    assert!(due.schedules.is_empty() && due.waiting, "its run is under way");
    assert_eq!(looks(store, id).await, Fired::Nothing, "the two never run at once");

    assert_eq!(run(store).await, first);
    let due = store.due_schedules(at(1)).await.expect("read");
    assert_eq!(due.schedules.iter().map(|schedule| schedule.id).collect::<Vec<_>>(), [id]);
    let second = started(looks(store, id).await);
    let runs = store.runs_among(&[second]).await.expect("read");
    assert_eq!(runs.get(&second).and_then(|run| run.due), Some(at(2)), "it is the run that waited");
    assert!(!store.due_schedules(at(1)).await.expect("read").waiting);
}

pub(crate) async fn overlap_replace_cancels_the_previous_run(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Cancel).await.id;
    let first = started(fires(store, id).await);
    let claimed = claim_one(store, "a").await;
    assert_eq!(fires(store, id).await, Fired::Nothing);
    let view = store.job(first).await.expect("found");
    assert!(view.cancel_requested_at.is_some());
    assert_eq!(view.cancel_requested_by.as_deref(), Some("schedule Nightly"));
    assert_eq!(fires(store, id).await, Fired::Nothing, "it has not stopped yet");
    assert_eq!(skips(store, id).await, [(one(at(2), SkipReason::Superseded), Some(first))]);

    let stopped = Outcome::Cancelled { failure: None, trace: String::new() };
    store.finish(finish(&claimed.fence, stopped)).await.expect("finished");
    let second = started(looks(store, id).await);
    let runs = store.runs_among(&[second]).await.expect("read");
    assert_eq!(runs.get(&second).and_then(|run| run.due), Some(at(3)));

    // A queued run is cancelled immediately, and its successor starts at the next check.
    assert_eq!(fires(store, id).await, Fired::Nothing);
    assert_eq!(store.job(second).await.expect("found").state, JobState::Cancelled);
    started(looks(store, id).await);
}

pub(crate) async fn catch_up_runs_start_one_after_another(test: TestStore) {
    let store = &*test.store;
    let schedule = add(store, Overlap::Skip).await;
    let id = schedule.id;
    let missed = Skip { due: at(1), last_due: at(3), runs: 3, why: SkipReason::Missed };
    let asked = Fire {
        next_at: Some(at(6)),
        due: Vec::new(),
        made_up: vec![at(4), at(5)],
        skipped: Some(missed),
        ..fire(&schedule)
    };
    let first = started(store.fire(asked).await.expect("answered"));
    assert_eq!(skips(store, id).await, [(missed, None)]);
    assert_eq!(store.schedule(id).await.expect("found").waiting, 1);
    assert_eq!(run(store).await, first);
    assert_eq!(fires(store, id).await, Fired::Started(JobId(first.0 + 1)), "the oldest first");
    assert_eq!(skips(store, id).await[0], (one(at(6), SkipReason::Overlap), None), "two wait for each other");
}

pub(crate) async fn changed_schedule_rejects_an_outdated_run(test: TestStore) {
    let store = &*test.store;
    let before = add(store, Overlap::Skip).await;
    let hourly = Plan { name: "Hourly".to_owned(), expression: "0 * * * *".to_owned(), ..plan(Overlap::Queue) };
    let changed = save(hourly, at(7));
    store.change_schedule(before.id, before.revision, changed.clone()).await.expect("changed");
    assert_eq!(store.fire(fire(&before)).await.expect("answered"), Fired::Stale);
    let again = store.change_schedule(before.id, before.revision, changed).await;
    assert!(matches!(again, Err(Error::Refused { code: "changed_meanwhile", .. })), "{again:?}");
    let after = store.schedule(before.id).await.expect("found");
    assert_eq!((after.plan.name.as_str(), after.plan.overlap, after.next_at), ("Hourly", Overlap::Queue, Some(at(7))));
    assert_eq!((after.owner.as_str(), after.plan.missed), ("ann", Missed::All(7)));
}

pub(crate) async fn edit_of_other_fields_keeps_the_due_time(test: TestStore) {
    let store = &*test.store;
    let before = add(store, Overlap::Queue).await;
    let renamed = |to: i64| save(Plan { name: "Backup".to_owned(), ..plan(Overlap::Queue) }, at(to));
    // The run of 1:00 is due, and the edit computes the next run from a time after it.
    store.change_schedule(before.id, before.revision, renamed(2)).await.expect("changed");
    assert_eq!(store.schedule(before.id).await.expect("found").next_at, Some(at(1)), "not lost");
    assert!(matches!(fires(store, before.id).await, Fired::Started(_)));
    // It was started in the meantime, and the edit computed from a time before it.
    store.change_schedule(before.id, before.revision + 1, renamed(1)).await.expect("changed");
    assert_eq!(store.schedule(before.id).await.expect("found").next_at, Some(at(2)), "not again");
}

pub(crate) async fn paused_schedule_drops_its_waiting_run(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Queue).await.id;
    let first = started(fires(store, id).await);
    fires(store, id).await;
    let before = store.schedule(id).await.expect("found");
    store.pause_schedule(id, &"ben".into()).await.expect("paused");
    assert_eq!(store.fire(fire(&before)).await.expect("answered"), Fired::Stale);
    assert_eq!(skips(store, id).await, [(one(at(2), SkipReason::Paused), None)]);
    assert_eq!(run(store).await, first, "what it has started goes on");
    assert!(store.due_schedules(at(99)).await.expect("read").schedules.is_empty());
    store.pause_schedule(id, &"ann".into()).await.expect("answered");
    let paused = store.schedule(id).await.expect("found");
    assert_eq!(paused.paused.and_then(|pause| pause.by).as_deref(), Some("ben"), "who came first is remembered");

    let late = store.resume_schedule(id, before.revision, Some(at(9)), &"ann".into()).await;
    assert!(matches!(late, Err(Error::Refused { code: "changed_meanwhile", .. })), "{late:?}");
    store.resume_schedule(id, paused.revision, Some(at(9)), &"ann".into()).await.expect("resumed");
    let resumed = store.schedule(id).await.expect("found");
    assert_eq!((resumed.paused, resumed.next_at, resumed.waiting), (None, Some(at(9)), 0));
}

pub(crate) async fn suspended_schedule_has_a_reason(test: TestStore) {
    let store = &*test.store;
    let before = add(store, Overlap::Skip).await;
    store.stop_schedule(before.id, before.revision + 1, "no").await.expect("answered");
    assert_eq!(store.schedule(before.id).await.expect("found").paused, None, "it is another by now");
    store.stop_schedule(before.id, before.revision, "the task is gone").await.expect("stopped");
    let pause = store.schedule(before.id).await.expect("found").paused.expect("it is paused");
    assert_eq!((pause.by, pause.why.as_str()), (None, "the task is gone"));
    let suspended = async |visibility: Visibility| -> Vec<ScheduleId> {
        let found = store.suspended_schedules(9, &visibility).await.expect("read");
        found.into_iter().map(|schedule| schedule.id).collect()
    };
    let by_a_user = add(store, Overlap::Skip).await.id;
    store.pause_schedule(by_a_user, &"ann".into()).await.expect("paused");
    assert_eq!(suspended(Visibility::default()).await, [before.id]);
    let hidden = Visibility { own: "ben".into(), hidden: vec!["a".to_owned()].into() };
    assert_eq!(suspended(hidden).await, [], "a schedule is visible like its jobs");
    store.stop_schedule(ScheduleId(77), 1, "no").await.expect("what is gone needs no pause");
}

pub(crate) async fn jobs_of_deleted_schedule_are_kept(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Queue).await.id;
    let first = started(fires(store, id).await);
    fires(store, id).await;
    let late = store.delete_schedule(id, Some(77), &"ann".into()).await;
    assert!(matches!(late, Err(Error::Refused { code: "changed_meanwhile", .. })), "{late:?}");
    store.delete_schedule(id, None, &"ann".into()).await.expect("deleted");
    assert!(matches!(store.schedule(id).await, Err(Error::NoSuchSchedule(gone)) if gone == id));
    assert!(matches!(store.pause_schedule(id, &"ann".into()).await, Err(Error::NoSuchSchedule(_))));
    assert!(store.runs_among(&[first]).await.expect("read").is_empty());
    assert_eq!(run(store).await, first);
    assert_ne!(add(store, Overlap::Skip).await.id, id, "its number never comes again");
}

pub(crate) async fn manual_run_does_not_move_the_due_time(test: TestStore) {
    let store = &*test.store;
    let schedule = add(store, Overlap::Skip).await;
    let run_of = Some(RunOf { schedule: schedule.id, name: "Nightly".to_owned(), due: None });
    let by_hand = NewJob { by: "ben".into(), run_of, ..new_job("a") };
    let job = store.enqueue(by_hand).await.expect("accepted");
    let after = store.schedule(schedule.id).await.expect("found");
    assert_eq!((after.next_at, after.revision, after.under_way), (schedule.next_at, schedule.revision, Some(job)));
    assert_eq!(run(store).await, job);
    let visibility = |own: &str| Visibility { hidden: ["a".to_owned()].into(), own: own.into() };
    let unseen = store.last_runs(&[schedule.id], 20, &visibility("ann")).await.expect("read");
    assert!(unseen.values().all(Vec::is_empty), "{unseen:?}");
    let last = store.last_runs(&[schedule.id], 20, &visibility("ben")).await.expect("read");
    assert_eq!(last.get(&schedule.id).map(Vec::as_slice), Some(&[(job, JobState::Succeeded, 0.0)][..]));
    let entries = store.audit(&AuditQuery { limit: 9, ..AuditQuery::default() }).await.expect("read");
    let entries: Vec<_> =
        entries.rows.iter().map(|row| (row.what.as_str(), row.detail.as_str(), &*row.by.name)).collect();
    assert_eq!(
        entries,
        [
            ("job_started", "a, schedule Nightly, run manually", "ben"),
            ("schedule_created", "Nightly (schedule 1)", "ann"),
        ]
    );
}

pub(crate) async fn run_with_unique_job_in_progress_is_skipped(test: TestStore) {
    let store = &*test.store;
    let schedule = add(store, Overlap::Queue).await;
    let only_one = NewJob { unique_key: Some("k".to_owned()), ..new_job("a") };
    let other = store.enqueue(only_one.clone()).await.expect("accepted");
    let fired = store.fire(Fire { job: only_one, ..fire(&schedule) }).await.expect("answered");
    assert_eq!(fired, Fired::Nothing);
    assert_eq!(skips(store, schedule.id).await, [(one(at(1), SkipReason::SameJob), Some(other))]);
}

pub(crate) async fn upload_of_schedule_is_kept(test: TestStore) {
    let store = &*test.store;
    let row = |id: &str| UploadRow { id: id.to_owned(), name: "x.csv".to_owned(), size: 3, at: Micros(1), by: None };
    store
        .save_upload(row("u"), &engine::store::Attribution::default(), engine::store::UploadQuota::default())
        .await
        .expect("kept");
    let with = |uploads: &[&str]| SavePlan {
        uploads: uploads.iter().map(|id| (*id).to_owned()).collect(),
        ..save(plan(Overlap::Skip), at(1))
    };
    let none = store.add_schedule(with(&["v"])).await;
    assert!(matches!(none, Err(Error::NoSuchUpload(id)) if id == "v"));
    let id = store.add_schedule(with(&["u"])).await.expect("kept");
    assert!(store.sweep_uploads(at(99)).await.expect("swept").is_empty());

    // The other job that used it ended long ago.
    store.enqueue(NewJob { uploads: vec!["u".to_owned()], ..new_job("a") }).await.expect("accepted");
    run(store).await;
    test.clock.advance(HOUR);
    assert!(store.prunable_uploads(at(99), "", 9).await.expect("read").is_empty());
    let pruned = store.prune_uploads(vec!["u".to_owned()], at(99), std::time::Duration::MAX).await.expect("answered");
    assert!(pruned.uploads.is_empty());

    let schedule = store.schedule(id).await.expect("found");
    store.change_schedule(id, schedule.revision, with(&[])).await.expect("changed");
    assert_eq!(store.prunable_uploads(at(99), "", 9).await.expect("read"), ["u"]);
}

pub(crate) async fn schedule_visibility_follows_jobs_of_owner(test: TestStore) {
    let store = &*test.store;
    let id = add(store, Overlap::Skip).await.id;
    let seen = async |hidden: &[&str], own: &str| {
        let hidden = hidden.iter().map(|kind| (*kind).to_owned()).collect();
        let visibility = Visibility { hidden, own: own.into() };
        let next = store.next_schedules(9, &visibility).await.expect("read");
        let page = store.schedules(&ScheduleQuery { visibility, at: None, limit: 9 }).await.expect("read");
        assert_eq!(page.total as usize, page.schedules.len());
        let ids = |schedules: Vec<Schedule>| schedules.into_iter().map(|schedule| schedule.id).collect::<Vec<_>>();
        assert_eq!(ids(page.schedules.clone()), ids(next));
        ids(page.schedules)
    };
    assert_eq!(seen(&[], "ben").await, [id]);
    assert_eq!(seen(&["a"], "ben").await, []);
    assert_eq!(seen(&["a"], "ann").await, [id]);
}

pub(crate) async fn schedules_are_paginated_by_name(test: TestStore) {
    let store = &*test.store;
    // The same name in several spellings of case, so that the id decides the order.
    let names = ["b", "a", "C", "B", "c", "A", "b"];
    for name in names {
        let plan = Plan { name: name.to_owned(), input: r#"{"large":true}"#.to_owned(), ..plan(Overlap::Skip) };
        store.add_schedule(save(plan, at(1))).await.expect("kept");
    }
    let sorted = ["a", "A", "b", "B", "b", "C", "c"];
    let page = async |at| {
        let page = store.schedules(&ScheduleQuery { at, limit: 3, ..ScheduleQuery::default() }).await.expect("read");
        assert_eq!(page.total, 7);
        assert!(page.schedules.iter().all(|schedule| schedule.plan.input == "{}"), "no input is read");
        page
    };
    let (mut from, mut found) = (None, Vec::new());
    loop {
        let page = page(from).await;
        assert_eq!(page.before, from.is_some());
        found.extend(page.schedules.iter().map(|schedule| (schedule.id, schedule.plan.name.clone())));
        let last = page.schedules.last().expect("one at least").id;
        if !page.after {
            break;
        }
        from = Some(ScheduleAt::After(last));
    }
    assert_eq!(found.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), sorted);
    let back = page(Some(ScheduleAt::Before(found[4].0))).await;
    let ids: Vec<_> = back.schedules.iter().map(|schedule| schedule.id).collect();
    assert_eq!(ids, found[1..4].iter().map(|(id, _)| *id).collect::<Vec<_>>());
    assert!(back.before && back.after);
    let first = page(Some(ScheduleAt::Before(found[2].0))).await;
    assert_eq!((first.schedules.len(), first.before, first.after), (2, false, true));
    let gone = page(Some(ScheduleAt::After(ScheduleId(99)))).await;
    assert_eq!((gone.schedules[0].id, gone.before), (found[0].0, false), "the first page");
}

pub(crate) async fn schedules_per_user_are_bounded(test: TestStore) {
    let store = &*test.store;
    let adding = (0..MAX_SCHEDULES_PER_USER).map(|_| store.add_schedule(save(plan(Overlap::Skip), at(1))));
    let added = futures_util::future::try_join_all(adding).await.expect("kept");
    let refused = store.add_schedule(save(plan(Overlap::Skip), at(1))).await.expect_err("one too many");
    assert!(matches!(refused, Error::Refused { code: "too_many_schedules", .. }), "{refused}");
    let others = SavePlan { by: "ben".into(), ..save(plan(Overlap::Skip), at(1)) };
    store.add_schedule(others).await.expect("another user");
    store.delete_schedule(added[0], None, &"ann".into()).await.expect("deleted");
    store.add_schedule(save(plan(Overlap::Skip), at(1))).await.expect("there is room again");
}
