//! Audit log.

use std::net::{IpAddr, Ipv4Addr};

use engine::store::{
    Attribution, AuditNote, AuditPage, AuditQuery, ControlChange, KindRule, NewJob, Outcome, SessionsToEnd, Store,
    UseLink, UserChange,
};
use model::{ControlTarget, JobId, Micros, Role};

use super::{
    super::support::{HOUR, TestStore, claim_one, failed, finish, new_job, succeeded},
    accounts::{NOW, link, new_token, person, root, session},
};

fn nightly() -> Attribution {
    let address = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    Attribution { name: "ann".into(), token: Some("nightly-ci".into()), address }
}

fn all() -> AuditQuery {
    AuditQuery { limit: 1_000, ..AuditQuery::default() }
}

async fn page(store: &dyn Store, query: AuditQuery) -> AuditPage {
    store.audit(&query).await.expect("read")
}

/// Returns action, job and detail of all entries, oldest first.
async fn entries(store: &dyn Store) -> Vec<(String, Option<JobId>, String)> {
    let rows = page(store, all()).await.rows;
    rows.into_iter().rev().map(|row| (row.what, row.job, row.detail)).collect()
}

fn line(what: &str, job: impl Into<Option<JobId>>, detail: &str) -> (String, Option<JobId>, String) {
    (what.to_owned(), job.into(), detail.to_owned())
}

pub(crate) async fn job_commands_are_in_the_audit_log(test: TestStore) {
    let (store, by) = (&*test.store, nightly());
    let first = store.enqueue(NewJob { by: by.clone(), ..new_job("a") }).await.expect("accepted");
    store.pause(first, &by).await.expect("paused");
    store.resume(first, &by).await.expect("resumed");
    let claimed = claim_one(store, "a").await;
    store.pause(first, &by).await.expect("asked");
    store.resume(first, &by).await.expect("taken back");
    store.request_cancel(first, &by).await.expect("asked");
    store.finish(finish(&claimed.fence, failed())).await.expect("ended");
    store.retry(first, &by).await.expect("retried");
    store.request_cancel(first, &by).await.expect("cancelled");
    let again = NewJob { by: by.clone(), rerun_of: Some(first), ..new_job("a") };
    let second = store.enqueue(again).await.expect("accepted");
    let later = NewJob { by: by.clone(), run_at: Some(Micros(NOW + HOUR)), ..new_job("a") };
    let third = store.enqueue(later).await.expect("accepted");
    store.start_now(third, &by).await.expect("started");
    let claimed = claim_one(store, "a").await;
    store.finish(finish(&claimed.fence, failed())).await.expect("ended");
    store.dismiss(vec![second, second], &by).await.expect("dismissed");
    store.delete(first, &by).await.expect("deleted");
    let expected = [
        line("job_started", first, "a"),
        line("job_paused", first, ""),
        line("job_resumed", first, ""),
        line("job_pause_requested", first, ""),
        line("job_resumed", first, ""),
        line("job_cancel_requested", first, ""),
        line("job_retried", first, ""),
        line("job_cancelled", first, ""),
        line("job_started", second, "a, repeats #1"),
        line("job_started", third, "a"),
        line("job_started_now", third, ""),
        line("job_dismissed", second, ""),
        line("job_deleted", first, "Try a"),
    ];
    assert_eq!(entries(store).await, expected);
    let rows = page(store, all()).await.rows;
    assert!(rows.iter().all(|row| row.by == by && row.at == Micros(NOW)));
    assert!(rows.windows(2).all(|pair| pair[0].id > pair[1].id), "the newest first");
}

pub(crate) async fn administration_is_in_the_audit_log(test: TestStore) {
    let (store, by) = (&*test.store, root());
    store.save_link(link(b"setup", None), &by).await.expect("kept");
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let used = UseLink { key: b"setup".to_vec(), name: "root".to_owned(), hash: "hash".to_owned(), address };
    store.use_link(used).await.expect("used");
    let mei = person(store, "mei", Role::Viewer).await;
    store.change_user(mei, UserChange::Role(Role::Operator), &by).await.expect("changed");
    store.change_user(mei, UserChange::TimeZone(Some("UTC".to_owned())), &by).await.expect("changed");
    store.save_link(link(b"link", Some(mei)), &by).await.expect("kept");
    let used = UseLink { key: b"link".to_vec(), name: String::new(), hash: "hash".to_owned(), address: None };
    store.use_link(used).await.expect("used");
    let token = store.add_token(new_token(mei, "ci"), &by).await.expect("made");
    store.revoke_token(token, &by).await.expect("revoked");
    store.create_session(b"key", session(mei)).await.expect("created");
    store.end_sessions(mei, SessionsToEnd::All, &by).await.expect("ended");
    store.change_user(mei, UserChange::Remove, &by).await.expect("removed");
    let rule = KindRule { kind: "a".to_owned(), start: Some(Role::Administrator), private: None };
    store.change_kind_rule(rule, &by).await.expect("decided");
    for change in
        [ControlChange::Pause, ControlChange::Resume, ControlChange::Limit(Some(3)), ControlChange::Limit(None)]
    {
        store.change_control(ControlTarget::Queue, "q", change, &by).await.expect("changed");
    }
    store.change_control(ControlTarget::Kind, "a", ControlChange::Pause, &by).await.expect("changed");
    store.add_audit_note(AuditNote { by: nightly(), what: "signed_in", detail: "x".to_owned() }).await.expect("noted");
    let expected = [
        line("link_made", None, ""),
        line("set_up", None, ""),
        line("user_added", None, "mei, viewer"),
        line("password_changed", None, "mei"),
        line("role_changed", None, "mei, from viewer to operator"),
        line("link_made", None, "mei"),
        line("password_set", None, ""),
        line("token_made", None, "ci of mei, read and start"),
        line("token_revoked", None, "ci of mei"),
        line("sessions_ended", None, "mei, 1"),
        line("user_removed", None, "mei"),
        line("kind_rule_changed", None, "a, start: administrator, private: as its task says"),
        line("queue_paused", None, "q"),
        line("queue_resumed", None, "q"),
        line("queue_limited", None, "q, 3 at once"),
        line("queue_limited", None, "q, no limit"),
        line("kind_paused", None, "a"),
        line("signed_in", None, "x"),
    ];
    assert_eq!(entries(store).await, expected);
    let rows = page(store, all()).await.rows;
    let who = |what: &str| rows.iter().find(|row| row.what == what).expect("it is there").by.clone();
    assert_eq!(who("set_up"), Attribution { address, ..Attribution::from("root") }, "whom the link has made");
    assert_eq!((who("password_set"), who("signed_in")), (Attribution::from("mei"), nightly()));
}

pub(crate) async fn no_op_is_not_in_the_audit_log(test: TestStore) {
    let store = &*test.store;
    let unique = |input: &str| NewJob {
        unique_key: Some("u".to_owned()),
        idempotency_key: Some("i".to_owned()),
        input: input.to_owned(),
        ..new_job("a")
    };
    let job = store.enqueue(unique("{}")).await.expect("accepted");
    assert_eq!(store.enqueue(unique("{}")).await.expect("the same start"), job);
    store.enqueue(unique("{\"other\":1}")).await.expect_err("the key means another input");
    let other = NewJob { idempotency_key: None, ..unique("{}") };
    assert_eq!(store.enqueue(other).await.expect("under way"), job);
    store.resume(job, &root()).await.expect_err("it is not paused");
    store.delete(job, &root()).await.expect_err("it is not over");
    let claimed = claim_one(store, "a").await;
    store.finish(finish(&claimed.fence, succeeded())).await.expect("ended");
    store.request_cancel(job, &root()).await.expect("it is over");
    store.change_control(ControlTarget::Queue, "q", ControlChange::Resume, &root()).await.expect("it is open");
    assert_eq!(entries(store).await, [line("job_started", job, "a")]);
}

pub(crate) async fn audit_log_is_filtered_by_user_action_job_and_time(test: TestStore) {
    let store = &*test.store;
    let people = ["ann", "bob", "mei"];
    // Twelve entries, one an hour: every user in turn starts a job, then signs in, and so on.
    for nth in 0..12_usize {
        let by = Attribution::from(people[nth / 2 % 3]);
        if nth % 2 == 0 {
            store.enqueue(NewJob { by, ..new_job("a") }).await.expect("accepted");
        } else {
            store.add_audit_note(AuditNote { by, what: "signed_in", detail: String::new() }).await.expect("noted");
        }
        test.clock.advance(HOUR);
    }
    let lines = page(store, all()).await.rows;
    assert_eq!(lines.len(), 12);
    let time = |hour| [None, Some(Micros(NOW + hour * HOUR))];
    for who in [None, Some("bob"), Some("unknown")] {
        for what in [None, Some("job_started"), Some("nothing")] {
            for job in [None, Some(JobId(2)), Some(JobId(99))] {
                for (from, until) in time(3).into_iter().flat_map(|from| time(9).map(|until| (from, until))) {
                    let (who, what) = (who.map(str::to_owned), what.map(str::to_owned));
                    let query = AuditQuery { who, what, job, from, until, before: None, limit: 2 };
                    let wanted = lines.iter().filter(|line| {
                        query.who.as_ref().is_none_or(|who| **who == *line.by.name)
                            && query.what.as_ref().is_none_or(|what| *what == line.what)
                            && job.is_none_or(|job| line.job == Some(job))
                            && from.is_none_or(|from| line.at >= from)
                            && until.is_none_or(|until| line.at < until)
                    });
                    let mut wanted = wanted.cloned().peekable();
                    let mut before = None;
                    loop {
                        let AuditPage { rows, older } = page(store, AuditQuery { before, ..query.clone() }).await;
                        assert_eq!(rows, wanted.by_ref().take(2).collect::<Vec<_>>(), "{query:?}");
                        assert_eq!(older, wanted.peek().is_some());
                        before = rows.last().map(|row| row.id);
                        if !older {
                            break;
                        }
                    }
                }
            }
        }
    }
    let beyond = AuditQuery { from: Some(Micros(NOW + 99 * HOUR)), ..all() };
    assert_eq!(page(store, beyond).await, AuditPage::default());
    let before_all = AuditQuery { until: Some(Micros(0)), ..all() };
    assert_eq!(page(store, before_all).await, AuditPage::default());
}

pub(crate) async fn jobs_started_together_have_separate_audit_entries(test: TestStore) {
    let store = &*test.store;
    let others = store.enqueue(new_job("a")).await.expect("accepted");
    test.clock.advance(HOUR);
    // The jobs share commits.
    let start = |_| store.enqueue(NewJob { by: nightly(), ..new_job("a") });
    let mut jobs = futures_util::future::try_join_all((0..40).map(start)).await.expect("accepted");
    jobs.sort_unstable();
    let after = AuditNote { by: root(), what: "signed_in", detail: String::new() };
    store.add_audit_note(after).await.expect("noted");
    let started: Vec<JobId> = jobs.iter().rev().copied().chain([others]).collect();

    for until in [None, Some(Micros(NOW + HOUR + 1))] {
        for what in [None, Some("job_started".to_owned())] {
            for who in [None, Some("ann".to_owned())] {
                let query = AuditQuery { who: who.clone(), what: what.clone(), until, limit: 7, ..all() };
                let (mut before, mut lines) = (None, Vec::new());
                loop {
                    let page = page(store, AuditQuery { before, ..query.clone() }).await;
                    assert!(page.rows.len() == 7 || !page.older);
                    before = page.rows.last().map(|row| row.id);
                    lines.extend(page.rows);
                    if !page.older {
                        break;
                    }
                }
                assert!(lines.windows(2).all(|pair| pair[0].id > pair[1].id));
                assert_eq!(lines.iter().filter_map(|line| line.job).collect::<Vec<_>>(), started);
                assert_eq!(lines.iter().filter(|line| line.by == nightly()).count(), 40);
            }
        }
    }
    let since = AuditQuery { from: Some(Micros(NOW + 1)), ..all() };
    assert_eq!(page(store, since).await.rows.len(), 41);
    for (job, token) in [(jobs[0], true), (jobs[17], true), (jobs[39], true), (others, false)] {
        let query = AuditQuery { job: Some(job), ..all() };
        let rows = page(store, query).await.rows;
        assert_eq!(rows.iter().map(|row| (row.job, row.by == nightly())).collect::<Vec<_>>(), [(Some(job), token)]);
        let created = store.activity(job, 1).await.expect("read").remove(0);
        assert_eq!(created.detail, if token { "with token nightly-ci" } else { "" });
    }
    let no_match = AuditQuery { job: Some(JobId(jobs[39].0 + 1)), ..all() };
    assert_eq!(page(store, no_match).await, AuditPage::default());
}

pub(crate) async fn token_is_named_in_the_job_history(test: TestStore) {
    let (store, by) = (&*test.store, nightly());
    let first = store.enqueue(NewJob { by: by.clone(), ..new_job("a") }).await.expect("accepted");
    let claimed = claim_one(store, "a").await;
    store.pause(first, &by).await.expect("asked");
    let snoozed = Outcome::Snoozed { until: Micros(NOW + HOUR) };
    store.finish(finish(&claimed.fence, snoozed)).await.expect("set aside");
    store.request_cancel(first, &"bob".into()).await.expect("cancelled");
    let repeats = NewJob { by, rerun_of: Some(first), ..new_job("a") };
    let second = store.enqueue(repeats).await.expect("accepted");
    let details = async |job, what: &str| {
        let activity = store.activity(job, 100).await.expect("read");
        activity.iter().find(|line| line.what == what).expect("it happened").detail.clone()
    };
    assert_eq!(details(first, "created").await, "with token nightly-ci");
    assert_eq!(details(first, "pause_requested").await, "with token nightly-ci");
    assert_eq!(details(first, "set_aside").await, "with token nightly-ci");
    assert_eq!(details(first, "cancelled").await, "", "by hand");
    assert_eq!(details(first, "repeated").await, "#2, with token nightly-ci");
    assert_eq!(details(second, "created").await, "#1, with token nightly-ci");
    assert_eq!(store.job(first).await.expect("found").created_by, "ann");
}
