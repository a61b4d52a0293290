//! The list of users: invite, change role, reset password, sign out, remove.

use super::*;

#[test]
fn invite_link_is_shown_once_and_works_once() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let page = page_of(ada.submit("add_user", &[("name", " Mei "), ("role", "operator")]), 200);
    assert!(page.contains("mei was added. Send this invite link"), "{page}");
    let link = page.split("id=\"told\"").nth(1).unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(link.starts_with(&server.process.url("/setup?link=")), "{link}");
    let page = ada.page("/settings/users");
    assert!(page.contains("Invited") && !page.contains(&link_secret(link)), "{page}");

    let mei = server.new_client();
    mei.redeem_link(&link_secret(link), "");
    assert!(!ada.page("/settings/users").contains("Invited"));
    let profile = mei.page("/settings");
    assert!(profile.contains(">mei<") && profile.contains("Operator"), "{profile}");
    assert_eq!(server.new_client().get(&format!("/setup?link={}", link_secret(link))).status(), 404);
}

#[test]
fn invalid_or_used_user_name_is_rejected_at_its_field() {
    let (server, ada) = ServerWithAccounts::with_admin();
    server.add_user(&ada, "mei", "viewer");
    succeeded(ada.call("remove_user", &[("user", &user_id(&ada, "mei"))]));
    for (name, wrong) in [
        ("", "Choose a name of 1 to 40"),
        ("mei lin", "A name cannot contain"),
        (ADA, "There is a user ada already"),
        ("MEI", "There was a user mei once"),
    ] {
        let form = [("name", name), ("role", "viewer")];
        let page = page_of(ada.submit("add_user", &form), 422);
        let error = page.split("id=\"add_user-name-error\"").nth(1).unwrap();
        assert!(error.split("</p>").next().unwrap().contains(wrong), "{error}");
        assert_eq!(rejected(ada.call("add_user", &form), 422, "invalid_input")["field"], "name");
    }
    let page = page_of(ada.submit("add_user", &[("name", "eve"), ("role", "queen")]), 422);
    assert!(page.contains("id=\"add_user-role-error\"") && page.contains("value=\"eve\""), "{page}");
}

#[test]
fn role_change_applies_at_once() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "viewer");
    assert_eq!(mei.get("/new").status(), 403);
    let user = user_id(&ada, "mei");
    let page = submit_and_follow(&ada, "change_role", &[("user", &user), ("role", "operator")]);
    assert!(page.contains("mei is an operator now."), "{page}");
    assert_eq!(mei.get("/new").status(), 200);
    succeeded(ada.call("change_role", &[("user", &user), ("role", "administrator")]));
    assert_eq!(mei.get("/settings/users").status(), 200);
    rejected(ada.call("change_role", &[("user", &user), ("role", "queen")]), 422, "invalid_input");
    rejected(ada.call("change_role", &[("user", "99"), ("role", "viewer")]), 409, "no_such_user");
    rejected(ada.call("change_role", &[("user", "mei"), ("role", "viewer")]), 400, "malformed");
}

#[test]
fn last_administrator_cannot_be_demoted_or_removed() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let why = "The only administrator who can sign in is ada; promote another user first";
    for (function, form) in
        [("change_role", vec![("user", "1"), ("role", "viewer")]), ("remove_user", vec![("user", "1")])]
    {
        let page = submit_and_follow(&ada, function, &form);
        assert!(page.contains(why), "{page}");
        rejected(ada.call(function, &form), 409, "last_administrator");
    }
    let mei = server.add_user(&ada, "mei", "administrator");
    succeeded(ada.call("change_role", &[("user", "1"), ("role", "viewer")]));
    assert_eq!(
        (ada.get("/settings/users").status(), mei.get("/settings/users").status()),
        (StatusCode::FORBIDDEN, StatusCode::OK)
    );
}

#[test]
fn removed_user_loses_sessions_and_tokens_but_jobs_stay() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let form = [("name", "ci"), ("read", "true"), ("expires", "never")];
    let token = succeeded(mei.call("make_token", &form))["secret"].as_str().unwrap().to_owned();
    let job = mei.run();
    let user = user_id(&ada, "mei");

    let page = ada.page(&format!("/settings/users?confirm=remove-{user}"));
    let dialog = page.split("<dialog").find(|dialog| dialog.contains("Remove mei?")).unwrap();
    assert!(dialog.split('>').next().unwrap().contains(" open") && dialog.contains("cannot be reused"), "{dialog}");
    assert_eq!(mei.get("/jobs").status(), 200);
    let page = submit_and_follow(&ada, "remove_user", &[("user", &user)]);
    assert!(page.contains("mei was removed. Jobs and audit log are kept."), "{page}");
    assert!(page.contains("Removed ") && !page.contains("Role of mei"), "{page}");
    assert_eq!(mei.get("/jobs").status(), 303);
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 401);
    assert_eq!(server.new_client().call("sign_in", &[("name", "mei"), ("password", PASSWORD)]).status(), 401);
    assert!(ada.page(&format!("/jobs/{job}")).contains("mei"));
    assert!(!ada.page(&format!("/settings/users?confirm=remove-{user}")).contains("Remove mei?"));
    rejected(ada.call("remove_user", &[("user", &user)]), 409, "no_such_user");
}

#[test]
fn old_password_works_until_reset_link_is_used() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let user = user_id(&ada, "mei");
    let page = page_of(ada.submit("reset_password", &[("user", &user)]), 200);
    let link = page.split("id=\"told\"").nth(1).unwrap().split("value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(mei.get("/jobs").status(), 200);
    server.new_client().redeem_link(&link_secret(link), "");
    assert_eq!(mei.get("/jobs").status(), 303);
    rejected(ada.call("reset_password", &[("user", "99")]), 409, "no_such_user");
}

#[test]
fn administrator_ends_sessions_and_revokes_tokens_of_user() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "operator");
    let form = [("name", "ci"), ("read", "true"), ("expires", "never")];
    let token = succeeded(mei.call("make_token", &form))["secret"].as_str().unwrap().to_owned();
    let page = ada.page("/settings/users");
    assert!(page.contains("All API tokens") && page.contains(&token[..8]), "{page}");

    let page = submit_and_follow(&ada, "end_sessions_of", &[("user", &user_id(&ada, "mei"))]);
    assert!(page.contains("mei was signed out"), "{page}");
    assert_eq!(mei.get("/jobs").status(), 303);
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 200);
    assert!(submit_and_follow(&ada, "revoke_token_of", &[("id", "1")]).contains("Token revoked."));
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 401);
    rejected(ada.call("revoke_token_of", &[("id", "1")]), 409, "no_such_token");
}
