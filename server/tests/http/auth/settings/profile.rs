//! The profile: password, sessions, API tokens and time zone of the signed-in user.

use super::*;

#[test]
fn password_change_ends_all_other_sessions() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let other = server.new_client();
    other.sign_in(ADA);
    let new = "another sentence of words";
    let page = submit_and_follow(&ada, "change_password", &[("old", PASSWORD), ("new", new), ("again", new)]);
    assert!(page.contains("Password changed. All other sessions were signed out."), "{page}");
    assert_eq!(other.get("/jobs").status(), 303);

    let user = server.new_client();
    let [old, new] = [PASSWORD, new].map(|password| user.call("sign_in", &[("name", ADA), ("password", password)]));
    assert_eq!((old.status(), new.status()), (StatusCode::UNAUTHORIZED, StatusCode::OK));
}

#[test]
fn result_of_a_form_waits_for_the_next_page_and_not_for_a_refresh_by_script() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let new = "another sentence of words";
    let form = [("old", PASSWORD), ("new", new), ("again", new)];
    let next = redirect_target(&ada.submit("change_password", &form));
    assert!(!ada.api_get(&next).text().unwrap().contains("Password changed."));
    assert!(ada.page(&next).contains("Password changed."));
}

#[test]
fn password_form_errors_are_at_fields_without_echo() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let other = server.new_client();
    other.sign_in(ADA);
    for (old, new, again, field, wrong) in [
        (
            "not my password",
            "another sentence of words",
            "another sentence of words",
            "old",
            "This is not your password",
        ),
        (PASSWORD, "too short", "too short", "new", "A password has at least 12 characters"),
        (PASSWORD, "another sentence of words", "a different sentence", "again", "The passwords do not match"),
    ] {
        let form = [("old", old), ("new", new), ("again", again)];
        let page = page_of(ada.submit("change_password", &form), 422);
        let error = page.split(&format!("id=\"change_password-{field}-error\"")).nth(1).unwrap();
        assert!(error.split("</p>").next().unwrap().contains(wrong), "{error}");
        assert!(page.contains(&format!("href=\"#change_password-{field}\"")), "{page}");
        for typed in [old, new, again] {
            assert!(!page.contains(typed), "a password came back: {page}");
        }
        let rejection = rejected(ada.call("change_password", &form), 422, "invalid_input");
        assert_eq!(rejection["field"], field);
    }
    assert_eq!(other.get("/jobs").status(), 200);
}

#[test]
fn sessions_are_listed_and_can_be_signed_out() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let [one, two, three] = [(); 3].map(|()| {
        let user = server.new_client();
        user.sign_in(ADA);
        user
    });
    let page = ada.page("/settings");
    assert_eq!(page.matches("This device").count(), 1, "{page}");
    let session = page.split("name=\"session\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
    let session = session.split('"').next().unwrap();
    let page = submit_and_follow(&ada, "end_session", &[("session", session)]);
    assert!(page.contains("Session signed out."), "{page}");
    let left = [&one, &two, &three].into_iter().filter(|user| user.get("/jobs").status() == 200).count();
    assert_eq!(left, 2);
    assert!(submit_and_follow(&ada, "end_session", &[("session", session)]).contains("already signed out"));
    assert!(submit_and_follow(&ada, "end_session", &[("session", "not one")]).contains("already signed out"));

    let page = submit_and_follow(&ada, "end_other_sessions", &[]);
    assert!(page.contains("2 other sessions."), "{page}");
    assert!([one, two, three].iter().all(|user| user.get("/jobs").status() == 303));
    assert!(!page.contains("end_other_sessions"), "{page}");
    let result = succeeded(ada.call("end_other_sessions", &[]));
    assert_eq!(result["message"], "There are no other sessions.");
}

#[test]
fn session_of_another_user_cannot_be_signed_out() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let second = server.new_client();
    second.sign_in(ADA);
    let page = ada.page("/settings");
    let session = page.split("name=\"session\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
    succeeded(mei.call("end_session", &[("session", session.split('"').next().unwrap())]));
    assert_eq!((ada.get("/jobs").status(), second.get("/jobs").status()), (StatusCode::OK, StatusCode::OK));
}

#[test]
fn token_is_shown_once_and_works_until_revoked() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let form = [("name", "nightly import"), ("read", "true"), ("expires", "90"), ("expires_on", "")];
    let page = page_of(ada.submit("make_token", &form), 200);
    let token = format!("mp_{}", page.split("value=\"mp_").nth(1).unwrap().split('"').next().unwrap());
    assert_eq!(token.len(), 46);
    assert!(page.contains("Token “nightly import” created. Copy it now; it will not be shown again."), "{page}");
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 200);

    let page = ada.page("/settings");
    assert!(!page.contains(&token) && page.contains(&format!("{}…", &token[..8])), "{page}");
    assert!(page.contains("Read"), "{page}");
    assert!(!ada.page("/settings").contains(&token));

    let id = page.split("name=\"id\"").nth(1).unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    let page = submit_and_follow(&ada, "revoke_token", &[("id", id)]);
    assert!(page.contains("Token revoked."), "{page}");
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 401);
    rejected(ada.call("revoke_token", &[("id", id)]), 409, "no_such_token");
}

#[test]
fn secret_is_shown_after_a_redirect_once_and_to_its_user_only() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "administrator");
    let place = redirect_target(&ada.post("/api/make_token", &[("name", "ci"), ("expires", "30"), ("read", "on")]));
    assert!(place.starts_with("/settings?form="), "{place}");
    let shows = |user: &UserClient, place: &str| user.page(place).contains("value=\"mp_");
    assert!(!shows(&ben, &place), "another user");
    let page = ada.page(&place);
    let secret = page.split("value=\"mp_").nth(1).unwrap().split('"').next().unwrap();
    assert!(!shows(&ada, &place), "reloaded");
    for place in ["/settings?form=0", "/settings?form=%ff", "/settings?form=", "/settings"] {
        assert!(!shows(&ada, place), "{place}");
    }
    for file in std::fs::read_dir(server.data()).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file())
    {
        assert!(!String::from_utf8_lossy(&std::fs::read(&file).unwrap()).contains(secret), "{}", file.display());
    }
}

#[test]
fn token_form_errors_are_at_fields_and_input_is_kept() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let make = |form: &[(&str, &str)], field: &str| {
        let page = page_of(ada.submit("make_token", form), 422);
        assert!(page.contains(&format!("id=\"make_token-{field}-error\"")), "{field}: {page}");
        assert_eq!(rejected(ada.call("make_token", form), 422, "invalid_input")["field"], field);
        page
    };
    make(&[("name", " "), ("read", "true"), ("expires", "30")], "name");
    let page = make(&[("name", "ci"), ("expires", "365")], "scopes");
    assert!(page.contains("value=\"ci\"") && !page.contains("checked"), "{page}");
    make(&[("name", "ci"), ("read", "true"), ("expires", "366")], "expires");
    make(&[("name", "ci"), ("read", "true"), ("expires", "30"), ("expires_on", "2020-01-01")], "expires_on");
    make(&[("name", "ci"), ("read", "true"), ("expires", "30"), ("expires_on", "tomorrow")], "expires_on");
    succeeded(ada.call("make_token", &[("name", "ci"), ("start", "true"), ("expires", "never")]));
    let page = make(&[("name", "ci"), ("start", "true"), ("expires", "never")], "name");
    assert!(page.contains("There is a token ci already"), "{page}");
}

#[test]
fn token_expires_at_end_of_chosen_day_in_time_zone() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    succeeded(ada.call("set_time_zone", &[("time_zone", "Asia/Tokyo")]));
    let form = [("name", "ci"), ("read", "true"), ("expires", "never"), ("expires_on", "2100-03-01")];
    succeeded(ada.call("make_token", &form));
    let page = ada.page("/settings");
    assert!(page.contains("datetime=\"2100-03-01T15:00:00.000Z\""), "{page}");
    assert!(page.contains("2 Mar 2100, 00:00"), "{page}");
}

#[test]
fn token_of_another_user_cannot_be_revoked() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let form = [("name", "ci"), ("read", "true"), ("expires", "never")];
    let token = succeeded(ada.call("make_token", &form))["secret"].as_str().unwrap().to_owned();
    rejected(mei.call("revoke_token", &[("id", "1")]), 409, "no_such_token");
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 200);
}

#[test]
fn times_are_shown_in_the_users_time_zone() {
    let (server, ada) = ServerWithAccounts::with_admin();
    assert!(!ada.page("/settings").contains("data-zone"));
    let page = submit_and_follow(&ada, "set_time_zone", &[("time_zone", "Asia/Kathmandu")]);
    assert!(page.contains("Times are now shown in Asia/Kathmandu."), "{page}");
    assert!(page.contains("data-zone=\"Asia/Kathmandu\""), "{page}");
    let job = ada.run();
    assert!(ada.page(&format!("/jobs/{job}")).contains(" UTC+5:45\""), "a time in another zone");
    assert!(ada.page("/new/demo").contains("In your time zone (UTC+5:45)."));
    assert!(!server.add_user(&ada, "mei", "operator").page(&format!("/jobs/{job}")).contains("UTC+5:45"));
    for (zone, shown) in [
        ("Europe/Berlin", [" CET\"", " CEST\""]),
        ("America/St_Johns", [" UTC-3:30\"", " UTC-2:30\""]),
        ("Africa/Abidjan", [" GMT\"", " GMT\""]),
    ] {
        submit_and_follow(&ada, "set_time_zone", &[("time_zone", zone)]);
        let page = ada.page(&format!("/jobs/{job}"));
        assert!(shown.iter().any(|name| page.contains(name)), "{zone}: {page}");
    }

    let page = page_of(ada.submit("set_time_zone", &[("time_zone", "Mars/Olympus")]), 422);
    assert!(page.contains("There is no such time zone"), "{page}");
    assert!(!submit_and_follow(&ada, "set_time_zone", &[("time_zone", "")]).contains("data-zone"));
}

#[test]
fn markup_in_user_agent_and_token_name_is_escaped() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let agent = Client::builder().build().unwrap().post(server.process.url("/api/sign_in"));
    let signed_in =
        agent.header(USER_AGENT, "<script>alert(1)</script>/1").form(&[("name", ADA), ("password", PASSWORD)]);
    assert_eq!(signed_in.send().unwrap().status(), 200);
    assert_eq!(server.new_client().call("sign_in", &[("name", MARKUP), ("password", PASSWORD)]).status(), 401);
    let form = [("name", MARKUP), ("read", "true"), ("expires", "never")];
    let made = page_of(ada.submit("make_token", &form), 200);
    let pages = ["/settings", "/settings/users", "/settings/audit"].map(|path| ada.page(path));
    for page in [made].iter().chain(&pages) {
        assert!(!page.contains(MARKUP) && page.contains("&lt;script&gt;alert(1)"), "{page}");
    }
}
