//! Settings: the profile of every user, and what only administrators may manage.

use reqwest::{
    StatusCode,
    blocking::{Client, Response},
    header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, USER_AGENT},
};
use serde_json::Value;

use crate::support::{
    accounts::{ADA, PASSWORD, ServerWithAccounts, UserClient, link_secret, redirect_target},
    process::{TIMEOUT, without_markers},
};

mod audit_log;
mod display_names;
mod profile;
mod task_rules;
mod users;

/// A text that would be a script if it were not escaped.
const MARKUP: &str = "<script>alert(1)</script>";

/// Requests a page with an API token.
fn get_with_token(server: &ServerWithAccounts, token: &str, path: &str) -> Response {
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    let request = client.get(server.process.url(path)).header(AUTHORIZATION, format!("Bearer {token}"));
    request.send().unwrap()
}

/// The JSON of a successful call.
fn succeeded(response: Response) -> Value {
    let response = response.error_for_status().unwrap();
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    response.json().unwrap()
}

/// The error JSON of a rejected call.
fn rejected(response: Response, status: u16, code: &str) -> Value {
    assert_eq!(response.status(), status);
    let rejection: Value = response.json().unwrap();
    assert_eq!(rejection["code"], code, "{rejection}");
    rejection
}

/// Submits the form of `function`; returns the page after the redirect, with its flash message.
fn submit_and_follow(user: &UserClient, function: &str, form: &[(&str, &str)]) -> String {
    user.page(&redirect_target(&user.submit(function, form)))
}

/// The page of a response without a redirect.
fn page_of(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    let page = without_markers(&response.text().unwrap());
    assert!(page.contains("</html>"), "{page}");
    page
}

/// The ID of a user, read from the list of users.
fn user_id(ada: &UserClient, name: &str) -> String {
    let page = ada.page("/settings/users");
    let row = page.split("<tr").find(|row| row.contains(&format!("Role of {name}\""))).unwrap();
    let value = row.split("name=\"user\"").nth(1).unwrap().split("value=\"").nth(1).unwrap();
    value.split('"').next().unwrap().to_owned()
}

#[test]
fn settings_other_than_profile_need_an_administrator() {
    let (server, ada) = ServerWithAccounts::with_admin();
    for role in ["viewer", "operator"] {
        let user = server.add_user(&ada, role, role);
        let profile = user.page("/settings");
        assert!(profile.contains("API tokens"), "{profile}");
        for path in ["/settings/users", "/settings/tasks", "/settings/audit"] {
            assert!(!profile.contains(&format!("href=\"{path}\"")), "{path}");
            assert_eq!(user.get(path).status(), 403, "{path}");
        }
        assert_eq!(user.get("/settings/audit.csv").status(), 403);
        for (function, form) in [
            ("add_user", vec![("name", "eve"), ("role", "administrator")]),
            ("change_role", vec![("user", "2"), ("role", "administrator")]),
            ("rename_user", vec![("user", "1"), ("display_name", "Eve")]),
            ("reset_password", vec![("user", "1")]),
            ("end_sessions_of", vec![("user", "1")]),
            ("remove_user", vec![("user", "1")]),
            ("revoke_token_of", vec![("id", "1")]),
            ("change_kind_rule", vec![("kind", "demo"), ("start", ""), ("seen_by", "")]),
        ] {
            rejected(user.call(function, &form), 403, "forbidden");
            assert_eq!(user.submit(function, &form).status(), StatusCode::SEE_OTHER, "{function}");
        }
    }
    assert!(ada.page("/settings/users").contains("Administrator"));
    assert_eq!(user_id(&ada, ADA), "1");
}

#[test]
fn token_cannot_reach_account_settings() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let form = [("name", "all"), ("read", "true"), ("start", "true"), ("expires", "never")];
    let token = succeeded(ada.call("make_token", &form))["secret"].as_str().unwrap().to_owned();
    assert_eq!(get_with_token(&server, &token, "/jobs").status(), 200);
    for path in ["/settings", "/settings/users", "/settings/tasks", "/settings/audit", "/settings/audit.csv"] {
        assert_eq!(get_with_token(&server, &token, path).status(), 403, "{path}");
    }
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();
    for function in ["make_token", "end_other_sessions", "change_password", "add_user", "change_kind_rule"] {
        let request = client.post(server.process.url(&format!("/api/{function}")));
        let response = request.header(AUTHORIZATION, format!("Bearer {token}")).send().unwrap();
        rejected(response, 403, "forbidden");
    }
}

#[test]
fn settings_without_accounts_hide_account_forms() {
    let browser = crate::support::browser::Browser::new();
    let get = |path: &str| {
        let request = browser.client.get(browser.server.url(path)).header(ACCEPT, "text/html");
        request.send().unwrap()
    };
    for path in ["/settings", "/settings/users"] {
        let page = page_of(get(path), 200);
        assert!(page.contains("This server works without accounts (--no-auth)"), "{page}");
        assert!(!page.contains("/api/change_password") && !page.contains("/api/add_user"), "{page}");
        assert!(page.contains("/settings/tasks") && page.contains("/settings/audit"), "{page}");
    }
    rejected(browser.post("/api/make_token", &[("name", "a"), ("expires", "30")]), 403, "forbidden");
    rejected(browser.post("/api/add_user", &[("name", "a"), ("role", "viewer")]), 403, "forbidden");
    let form = [("kind", "demo"), ("start", "administrator"), ("seen_by", "starter")];
    assert!(succeeded(browser.post("/api/change_kind_rule", &form))["message"].as_str().unwrap().starts_with("Saved"));
    let audit = page_of(get("/settings/audit"), 200);
    assert!(audit.contains("changed access to the task demo (start: administrator, private: yes)"), "{audit}");
    assert!(audit.contains(">local<"), "{audit}");
}
