//! What a page offers to whom: what somebody may not do is not there to be pressed.

use std::collections::BTreeSet;

use crate::support::accounts::{ServerWithAccounts, UserClient};

/// Where the forms of a page lead, and its links to forms that start jobs; but what everybody is offered everywhere.
fn offered(page: &str) -> BTreeSet<String> {
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

/// A house with one of each role.
struct Three {
    _server: ServerWithAccounts,
    ada: UserClient,
    otto: UserClient,
    vera: UserClient,
}

impl Three {
    fn new() -> Self {
        let (server, ada) = ServerWithAccounts::with_admin();
        let otto = server.add_user(&ada, "otto", "operator");
        let vera = server.add_user(&ada, "vera", "viewer");
        Self { _server: server, ada, otto, vera }
    }

    /// What administrator, operator and viewer are offered on a page.
    fn on(&self, path: &str) -> [BTreeSet<String>; 3] {
        [&self.ada, &self.otto, &self.vera].map(|user| offered(&user.page(path)))
    }
}

#[test]
fn new_job_is_offered_to_operators_only() {
    let three = Three::new();
    for path in ["/", "/jobs"] {
        assert_eq!(three.on(path), [set(&["new"]), set(&["new"]), set(&[])], "empty {path}");
    }
    three.ada.run();
    for path in ["/", "/jobs", "/jobs?state=failed"] {
        assert_eq!(three.on(path), [set(&["new"]), set(&["new"]), set(&[])], "{path}");
    }
}

#[test]
fn ended_job_offers_rerun_and_delete_by_role_and_starter() {
    let three = Three::new();
    let (hers, his) = (three.ada.run(), three.otto.run());
    for (job, operator_deletes) in [(hers, false), (his, true)] {
        let again = format!("new/demo?from={job}");
        let mut all = set(&["new", "pin_job", "rerun_job", "delete_job", "add_note", &again]);
        let [administrator, operator, viewer] = three.on(&format!("/jobs/{job}"));
        assert_eq!(administrator, all);
        if !operator_deletes {
            all.remove("delete_job");
        }
        assert_eq!(operator, all);
        assert_eq!(viewer, set(&["pin_job"]));
        assert!(!three.vera.page(&format!("/jobs/{job}?confirm=delete")).contains("delete_job"));
    }
    assert_eq!(three.otto.call("delete_job", &[("id", &hers.to_string())]).status(), 403);
    assert_eq!(three.vera.call("rerun_job", &[("id", &hers.to_string())]).status(), 403);
}

#[test]
fn failed_job_offers_retry_to_operators() {
    let three = Three::new();
    let job = three.ada.start(r#"{"seconds":0,"ending":"fail"}"#);
    three.ada.wait(job);
    let [administrator, operator, viewer] = three.on(&format!("/jobs/{job}"));
    assert!(administrator.contains("retry_job") && operator.contains("retry_job"));
    assert_eq!(viewer, set(&["pin_job"]));
}

#[test]
fn running_job_offers_cancel_to_operators() {
    let three = Three::new();
    let job = three.ada.start(r#"{"seconds":600}"#);
    let [administrator, operator, viewer] = three.on(&format!("/jobs/{job}"));
    assert!(administrator.contains("cancel_job") && operator.contains("cancel_job"));
    assert_eq!(viewer, set(&["pin_job"]));
    assert_eq!(three.vera.call("cancel_job", &[("id", &job.to_string())]).status(), 403);
}

#[test]
fn queue_controls_are_offered_to_administrators_only() {
    let three = Three::new();
    let limit = [("kind", "demo"), ("at_once", "3")];
    assert_eq!(three.otto.call("limit_kind", &limit).status(), 403);
    assert_eq!(three.ada.call("limit_kind", &limit).status(), 200);
    let [administrator, operator, viewer] = three.on("/queues");
    assert_eq!(administrator, set(&["new", "pause_queue", "limit_queue", "pause_kind", "limit_kind"]));
    assert_eq!(operator, set(&["new"]));
    assert_eq!(viewer, set(&[]));
    assert!(three.vera.page("/queues").contains("limit 3"));
}

#[test]
fn form_of_forbidden_task_names_the_required_role() {
    let three = Three::new();
    for path in ["/new", "/new/demo"] {
        let answer = three.vera.get(path);
        assert_eq!(answer.status(), 403, "{path}");
        let page = answer.text().unwrap();
        assert!(page.contains("No access") && page.contains("the role operator"), "{page}");
    }
    let answer = three.otto.get("/new/backup");
    assert_eq!(answer.status(), 403);
    let page = answer.text().unwrap();
    assert!(page.contains("No access") && page.contains("the role administrator"), "{page}");
    assert!(!three.otto.page("/new").contains("/new/backup"));
    assert!(three.ada.page("/new").contains("/new/backup"));
    three.ada.page("/new/backup");
}

#[test]
fn page_shows_user_name_role_and_sign_out() {
    let three = Three::new();
    for (user, name, role) in
        [(&three.ada, "ada", "Administrator"), (&three.otto, "otto", "Operator"), (&three.vera, "vera", "Viewer")]
    {
        let page = user.page("/");
        for part in [name, role, r#"action="/api/sign_out""#, r#"href="/settings""#] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("No accounts"), "{page}");
    }
}
