//! Session fixation and session theft: session IDs chosen for a user, or stolen from one.

use crate::support::{
    accounts::{ADA, PASSWORD, ServerWithAccounts, UserClient, fetch_status, link_secret, redirect_target, user_id},
    database::query_value,
};

#[test]
fn sign_in_replaces_the_session_id() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    let client = server.new_client();
    // Flash messages for an anonymous client may be stored in a session until the next page.
    client.submit("set_theme", &[("theme", "none that there is")]);
    client.submit("cancel_job", &[("id", "1")]);
    client.get("/jobs");
    let before = client.session_cookie();
    client.sign_in(ADA);
    assert_ne!(client.session_cookie(), before);
    if let Some(before) = before {
        let attacker = server.new_client();
        attacker.set_session_cookie(&before);
        assert!(redirect_target(&attacker.get("/")).starts_with("/sign-in"));
    }
}

#[test]
fn anonymous_requests_create_no_sessions() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    let sessions = || query_value::<i64>(server.data(), "select count(*) from session");
    let before = sessions();
    for _ in 0..20 {
        let client = server.new_client();
        for path in ["/", "/jobs/1", "/sign-in", "/sign-in?next=/jobs", "/nowhere", "/settings/users"] {
            client.get(path);
        }
        client.submit("set_theme", &[("theme", "none that there is")]);
        client.submit("start_job", &[("kind", "demo")]);
        client.submit("sign_out", &[]);
        client.submit("set_up", &[("link", "a"), ("password", "b")]);
    }
    assert_eq!(sessions(), before);
}

/// Asserts that a session is rejected at every kind of address.
fn assert_signed_out(stolen: &UserClient, why: &str) {
    for path in ["/", "/jobs", "/jobs/1", "/settings", "/new/demo"] {
        assert!(redirect_target(&stolen.get(path)).starts_with("/sign-in"), "{why}: {path}");
    }
    for path in [
        "/jobs/1/artifacts/demo.txt",
        "/jobs/1/log",
        "/events?topic=jobs",
        "/events?job=1&until=end",
        "/events/poll?topic=jobs",
        "/settings/audit.csv",
    ] {
        assert_eq!(fetch_status(stolen, path), 401, "{why}: {path}");
    }
    for function in ["cancel_job", "start_job", "change_password", "add_user", "make_token", "pin_job", "folders"] {
        assert_eq!(stolen.call(function, &[("id", "1")]).status(), 401, "{why}: {function}");
    }
}

#[test]
fn stolen_session_ends_with_every_kind_of_sign_out() {
    let (server, ada) = ServerWithAccounts::with_admin();
    ada.run();
    let ben = server.add_user(&ada, "ben", "operator");
    let ben_id = user_id(&server, "ben");
    let sign_in_again = || {
        let client = server.new_client();
        client.sign_in("ben");
        client
    };

    let stolen = ben.with_same_cookies();
    stolen.page("/jobs/1");
    assert_eq!(fetch_status(&stolen, "/jobs/1/artifacts/demo.txt"), 200);
    ben.submit("sign_out", &[]);
    assert_signed_out(&stolen, "signed out");

    let (ben, stolen) = (sign_in_again(), sign_in_again());
    ben.call("end_other_sessions", &[]).error_for_status().unwrap();
    assert_signed_out(&stolen, "signed out elsewhere");
    ben.page("/");

    let stolen = sign_in_again();
    let form = [("old", PASSWORD), ("new", "eight green otters"), ("again", "eight green otters")];
    ben.call("change_password", &form).error_for_status().unwrap();
    assert_signed_out(&stolen, "another password");
    ben.page("/");

    let stolen = ben.with_same_cookies();
    ada.call("end_sessions_of", &[("user", &ben_id)]).error_for_status().unwrap();
    assert_signed_out(&stolen, "signed out by an administrator");

    let link = ada.call("reset_password", &[("user", &ben_id)]).json::<serde_json::Value>().unwrap();
    let link = link_secret(link["secret"].as_str().unwrap());
    let ben = server.new_client();
    ben.redeem_link(&link, "");
    let stolen = sign_in_again();
    // The link is used up, also for others who have seen it.
    assert_eq!(server.new_client().get(&format!("/setup?link={link}")).status(), 404);
    let used = server.new_client().call("set_up", &[("link", &link), ("password", "nine green otters")]);
    assert!(used.status().is_client_error(), "{}", used.status());

    ada.call("remove_user", &[("user", &ben_id)]).error_for_status().unwrap();
    assert_signed_out(&stolen, "removed");
    assert_signed_out(&ben, "removed");
    let response = server.new_client().call("sign_in", &[("name", "ben"), ("password", PASSWORD)]);
    assert_eq!(response.status(), 401);
}

#[test]
fn demoted_user_loses_rights_in_open_sessions() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "administrator");
    let ben_id = user_id(&server, "ben");
    ben.page("/settings/users");
    ada.call("change_role", &[("user", &ben_id), ("role", "viewer")]).error_for_status().unwrap();
    for path in ["/settings/users", "/settings/audit", "/settings/tasks", "/new/demo"] {
        assert_eq!(ben.get(path).status(), 403, "{path}");
    }
    assert_eq!(fetch_status(&ben, "/settings/audit.csv"), 403);
    for function in ["change_role", "add_user", "remove_user", "pause_queue", "start_job", "change_kind_rule"] {
        let form = [("user", ben_id.as_str()), ("role", "administrator"), ("name", "eve"), ("queue", "default")];
        assert_eq!(ben.call(function, &form).status(), 403, "{function}");
    }
}
