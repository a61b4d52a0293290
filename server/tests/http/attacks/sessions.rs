//! Sessions that somebody else knows: chosen for a person, or stolen from them.

use super::{cell, fetch, number_of};
use crate::people::{ADA, House, PASSWORD, Visitor, leads_to, secret_of};

#[test]
fn an_id_from_before_signing_in_is_not_the_one_afterwards() {
    let (house, _ada) = House::of_ada();
    let visitor = house.visitor();
    // What is said to somebody without an account may be kept for them until they see a page.
    visitor.submit("set_theme", &[("theme", "none that there is")]);
    visitor.submit("cancel_job", &[("id", "1")]);
    visitor.get("/jobs");
    let before = visitor.session();
    visitor.sign_in(ADA);
    assert_ne!(visitor.session(), before);
    if let Some(before) = before {
        let thief = house.visitor();
        thief.bring_session(&before);
        assert!(leads_to(&thief.get("/")).starts_with("/sign-in"));
    }
}

#[test]
fn who_has_no_account_leaves_nothing_behind() {
    let (house, _ada) = House::of_ada();
    let sessions = || cell::<i64>(house.data(), "select count(*) from session");
    let before = sessions();
    for _ in 0..20 {
        let visitor = house.visitor();
        for path in ["/", "/jobs/1", "/sign-in", "/sign-in?next=/jobs", "/nowhere", "/settings/users"] {
            visitor.get(path);
        }
        visitor.submit("set_theme", &[("theme", "none that there is")]);
        visitor.submit("start_job", &[("kind", "demo")]);
        visitor.submit("sign_out", &[]);
        visitor.submit("set_up", &[("link", "a"), ("password", "b")]);
    }
    assert_eq!(sessions(), before);
}

/// Every way to what is inside is closed to a session.
fn is_worth_nothing(copy: &Visitor, why: &str) {
    for path in ["/", "/jobs", "/jobs/1", "/settings", "/new/demo"] {
        assert!(leads_to(&copy.get(path)).starts_with("/sign-in"), "{why}: {path}");
    }
    for path in [
        "/jobs/1/artifacts/demo.txt",
        "/jobs/1/log",
        "/events?topic=jobs",
        "/events?job=1&until=end",
        "/events/poll?topic=jobs",
        "/settings/audit.csv",
    ] {
        assert_eq!(fetch(copy, path), 401, "{why}: {path}");
    }
    for function in ["cancel_job", "start_job", "change_password", "add_user", "make_token", "pin_job", "folders"] {
        assert_eq!(copy.call(function, &[("id", "1")]).status(), 401, "{why}: {function}");
    }
}

#[test]
fn a_stolen_session_is_worth_nothing_once_its_person_has_ended_it_in_any_way() {
    let (house, ada) = House::of_ada();
    ada.run();
    let ben = house.add(&ada, "ben", "operator");
    let number = number_of(&house, "ben");
    let again = || {
        let visitor = house.visitor();
        visitor.sign_in("ben");
        visitor
    };

    let copy = ben.double();
    copy.page("/jobs/1");
    assert_eq!(fetch(&copy, "/jobs/1/artifacts/demo.txt"), 200);
    ben.submit("sign_out", &[]);
    is_worth_nothing(&copy, "signed out");

    let (ben, copy) = (again(), again());
    ben.call("end_other_sessions", &[]).error_for_status().unwrap();
    is_worth_nothing(&copy, "signed out elsewhere");
    ben.page("/");

    let copy = again();
    let form = [("old", PASSWORD), ("new", "eight green otters"), ("again", "eight green otters")];
    ben.call("change_password", &form).error_for_status().unwrap();
    is_worth_nothing(&copy, "another password");
    ben.page("/");

    let copy = ben.double();
    ada.call("end_sessions_of", &[("user", &number)]).error_for_status().unwrap();
    is_worth_nothing(&copy, "signed out by an administrator");

    let link = ada.call("reset_password", &[("user", &number)]).json::<serde_json::Value>().unwrap();
    let link = secret_of(link["secret"].as_str().unwrap());
    let ben = house.visitor();
    ben.choose_password(&link, "");
    let copy = again();
    // Used up: not even for whoever has seen it.
    assert_eq!(house.visitor().get(&format!("/setup?link={link}")).status(), 404);
    let used = house.visitor().call("set_up", &[("link", &link), ("password", "nine green otters")]);
    assert!(used.status().is_client_error(), "{}", used.status());

    ada.call("remove_user", &[("user", &number)]).error_for_status().unwrap();
    is_worth_nothing(&copy, "removed");
    is_worth_nothing(&ben, "removed");
    let answer = house.visitor().call("sign_in", &[("name", "ben"), ("password", PASSWORD)]);
    assert_eq!(answer.status(), 401);
}

#[test]
fn nobody_keeps_a_role_by_a_session_from_before() {
    let (house, ada) = House::of_ada();
    let ben = house.add(&ada, "ben", "administrator");
    let number = number_of(&house, "ben");
    ben.page("/settings/users");
    ada.call("change_role", &[("user", &number), ("role", "viewer")]).error_for_status().unwrap();
    for path in ["/settings/users", "/settings/audit", "/settings/tasks", "/new/demo"] {
        assert_eq!(ben.get(path).status(), 403, "{path}");
    }
    assert_eq!(fetch(&ben, "/settings/audit.csv"), 403);
    for function in ["change_role", "add_user", "remove_user", "pause_queue", "start_job", "change_kind_rule"] {
        let form = [("user", number.as_str()), ("role", "administrator"), ("name", "eve"), ("queue", "default")];
        assert_eq!(ben.call(function, &form).status(), 403, "{function}");
    }
}
