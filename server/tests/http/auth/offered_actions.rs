//! Actions that pages offer by role: a button or link is present only for users who may use it.

use std::collections::BTreeSet;

use crate::support::accounts::{ServerWithAccounts, UserClient};

/// The form actions of a page and its links to new jobs, without the actions that every page offers.
fn offered_actions(page: &str) -> BTreeSet<String> {
    let named = |mark: &str| -> Vec<String> {
        page.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
    };
    let functions = named(r#"action="/api/"#).into_iter();
    let starts = named(r#"href="/new"#).into_iter().map(|rest| format!("new{rest}"));
    let always = ["set_theme", "sign_out"];
    functions.chain(starts).filter(|action| !always.contains(&action.as_str())).collect()
}

fn set(actions: &[&str]) -> BTreeSet<String> {
    actions.iter().map(|action| (*action).to_owned()).collect()
}

/// A server with one user of each role.
struct UsersOfEachRole {
    _server: ServerWithAccounts,
    ada: UserClient,
    otto: UserClient,
    vera: UserClient,
}

impl UsersOfEachRole {
    fn new() -> Self {
        let (server, ada) = ServerWithAccounts::with_admin();
        let otto = server.add_user(&ada, "otto", "operator");
        let vera = server.add_user(&ada, "vera", "viewer");
        Self { _server: server, ada, otto, vera }
    }

    /// The actions on a page for administrator, operator and viewer.
    fn actions_on(&self, path: &str) -> [BTreeSet<String>; 3] {
        [&self.ada, &self.otto, &self.vera].map(|user| offered_actions(&user.page(path)))
    }
}

#[test]
fn new_job_is_offered_to_operators_only() {
    let users = UsersOfEachRole::new();
    // Those of rows, hidden while the state of the job does not allow them, and the question before a deletion.
    let of_rows = ["cancel_job", "delete_job", "rerun_job", "retry_job"];
    let offered = |path: &str| {
        users.actions_on(path).map(|mut actions| {
            actions.retain(|name| !of_rows.contains(&name.as_str()));
            actions
        })
    };
    // The first steps are the administrators'.
    let first = set(&["new", "start_demo", "schedule_backup", "hide_get_started"]);
    assert_eq!(offered("/"), [first, set(&["new", "start_demo"]), set(&[])]);
    assert_eq!(offered("/jobs"), [set(&["new"]), set(&["new"]), set(&[])]);
    users.ada.call("hide_get_started", &[]).error_for_status().unwrap();
    users.ada.run();
    for path in ["/", "/jobs", "/jobs?state=failed"] {
        assert_eq!(offered(path), [set(&["new"]), set(&["new"]), set(&[])], "{path}");
    }
    let [of_admin, of_operator, of_viewer] = users.actions_on("/jobs");
    assert!(of_rows.iter().all(|name| of_admin.contains(*name) && of_operator.contains(*name)));
    assert_eq!(of_viewer, set(&[]));
}

#[test]
fn ended_job_offers_rerun_and_delete_by_role_and_starter() {
    let users = UsersOfEachRole::new();
    let (of_admin, of_operator) = (users.ada.run(), users.otto.run());
    for (job, operator_deletes) in [(of_admin, false), (of_operator, true)] {
        let again = format!("new/demo?from={job}");
        let mut all = set(&["new", "pin_job", "rerun_job", "delete_job", "add_note", &again]);
        let [administrator, operator, viewer] = users.actions_on(&format!("/jobs/{job}"));
        assert_eq!(administrator, all);
        if !operator_deletes {
            all.remove("delete_job");
        }
        assert_eq!(operator, all);
        assert_eq!(viewer, set(&["pin_job"]));
        assert!(!users.vera.page(&format!("/jobs/{job}?confirm=delete")).contains("delete_job"));
    }
    assert_eq!(users.otto.call("delete_job", &[("id", &of_admin.to_string())]).status(), 403);
    assert_eq!(users.vera.call("rerun_job", &[("id", &of_admin.to_string())]).status(), 403);
}

#[test]
fn failed_job_offers_retry_to_operators() {
    let users = UsersOfEachRole::new();
    let job = users.ada.start(r#"{"seconds":0,"ending":"fail"}"#);
    users.ada.wait(job);
    let [administrator, operator, viewer] = users.actions_on(&format!("/jobs/{job}"));
    assert!(administrator.contains("retry_job") && operator.contains("retry_job"));
    assert_eq!(viewer, set(&["pin_job"]));
}

#[test]
fn running_job_offers_cancel_to_operators() {
    let users = UsersOfEachRole::new();
    let job = users.ada.start(r#"{"seconds":600}"#);
    let [administrator, operator, viewer] = users.actions_on(&format!("/jobs/{job}"));
    assert!(administrator.contains("cancel_job") && operator.contains("cancel_job"));
    assert_eq!(viewer, set(&["pin_job"]));
    assert_eq!(users.vera.call("cancel_job", &[("id", &job.to_string())]).status(), 403);
}

#[test]
fn queue_controls_are_offered_to_administrators_only() {
    let users = UsersOfEachRole::new();
    let limit = [("kind", "demo"), ("at_once", "3")];
    assert_eq!(users.otto.call("limit_kind", &limit).status(), 403);
    assert_eq!(users.ada.call("limit_kind", &limit).status(), 200);
    let [administrator, operator, viewer] = users.actions_on("/queues");
    assert_eq!(administrator, set(&["new", "pause_queue", "limit_queue", "pause_kind", "limit_kind"]));
    assert_eq!(operator, set(&["new"]));
    assert_eq!(viewer, set(&[]));
    assert!(users.vera.page("/queues").contains("limit 3"));
}

#[test]
fn form_of_forbidden_task_names_the_required_role() {
    let users = UsersOfEachRole::new();
    for path in ["/new", "/new/demo"] {
        let response = users.vera.get(path);
        assert_eq!(response.status(), 403, "{path}");
        let page = response.text().unwrap();
        assert!(page.contains("No access") && page.contains("the role operator"), "{page}");
    }
    let response = users.otto.get("/new/backup");
    assert_eq!(response.status(), 403);
    let page = response.text().unwrap();
    assert!(page.contains("No access") && page.contains("the role administrator"), "{page}");
    assert!(!users.otto.page("/new").contains("/new/backup"));
    assert!(users.ada.page("/new").contains("/new/backup"));
    users.ada.page("/new/backup");
}

#[test]
fn page_shows_user_name_role_and_sign_out() {
    let users = UsersOfEachRole::new();
    for (user, name, role) in
        [(&users.ada, "ada", "Administrator"), (&users.otto, "otto", "Operator"), (&users.vera, "vera", "Viewer")]
    {
        let page = user.page("/");
        for part in [name, role, r#"action="/api/sign_out""#, r#"href="/settings""#] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("No accounts"), "{page}");
    }
}
