//! Sign-in and setup: the first administrator, redirects, rate limits, and the session cookie.

use reqwest::{
    blocking::Response,
    header::{RETRY_AFTER, SET_COOKIE},
};
use serde_json::Value;

use crate::support::{
    accounts::{ADA, PASSWORD, ServerWithAccounts, redirect_target},
    process::{ServerProcess, without_markers},
};

fn text(response: Response, status: u16) -> String {
    assert_eq!(response.status(), status);
    without_markers(&response.text().unwrap())
}

/// The tag of a field of a form.
fn field<'a>(page: &'a str, name: &str) -> &'a str {
    let mut inputs = page.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
    inputs.find(|input| input.contains(&format!("name=\"{name}\""))).unwrap_or_else(|| panic!("no field {name}"))
}

#[test]
fn setup_link_creates_the_first_administrator_once() {
    let (server, link) = ServerWithAccounts::new(&[]);
    let client = server.new_client();
    assert!(client.page("/sign-in").contains("milepost setup-link"));
    let page = client.page(&format!("/setup?link={link}"));
    assert!(page.contains("You are the first administrator"), "{page}");
    client.redeem_link(&link, "  Ada ");
    let overview = client.page("/");
    assert!(overview.contains("Administrator") && overview.contains(">ada"), "{overview}");
    assert!(!overview.contains("Sign-in is off"), "{overview}");

    let second = server.new_client();
    let gone = text(second.get(&format!("/setup?link={link}")), 404);
    assert!(gone.contains("already used"), "{gone}");
    let form = [("link", link.as_str()), ("name", "eve"), ("password", PASSWORD), ("again", PASSWORD)];
    assert!(text(second.submit("set_up", &form), 404).contains("already used"));
    assert_eq!(second.call("set_up", &form).json::<Value>().unwrap()["code"], "link_used");
    assert!(second.page("/sign-in").contains("Password"));
}

#[test]
fn setup_form_error_is_at_its_field_and_link_stays_valid() {
    let (server, link) = ServerWithAccounts::new(&[]);
    let client = server.new_client();
    for (name, password, again, wrong) in [
        ("ada", PASSWORD, "another sentence", "The passwords do not match"),
        ("ada", "short", "short", "A password has at least 12 characters"),
        ("ada lovelace", PASSWORD, PASSWORD, "A name cannot contain"),
    ] {
        let form = [("link", link.as_str()), ("name", name), ("password", password), ("again", again)];
        let page = text(client.submit("set_up", &form), 422);
        assert!(page.contains(wrong), "{wrong}: {page}");
        assert!(field(&page, "name").contains(&format!("value=\"{name}\"")), "{page}");
        assert!(!page.contains(password) && !page.contains(again), "a password came back: {page}");
        assert!(client.session_cookie().is_none());
    }
    client.redeem_link(&link, ADA);
}

#[test]
fn sign_in_returns_to_the_requested_page() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    let client = server.new_client();
    assert_eq!(
        redirect_target(&client.get("/jobs?state=failed&q=a%20b")),
        "/sign-in?next=%2Fjobs%3Fstate%3Dfailed%26q%3Da%2520b"
    );
    let page = client.page("/sign-in?next=%2Fjobs%3Fstate%3Dfailed");
    assert!(field(&page, "next").contains(r#"value="/jobs?state=failed""#), "{page}");
    let form = [("name", ADA), ("password", PASSWORD), ("next", "/jobs?state=failed")];
    assert_eq!(redirect_target(&client.submit("sign_in", &form)), "/jobs?state=failed");
    assert_eq!(redirect_target(&client.get("/sign-in?next=/queues")), "/queues", "already signed in");
    client.page("/jobs?state=failed");
}

#[test]
fn sign_in_never_redirects_to_another_site() {
    let (server, ada) = ServerWithAccounts::with_admin();
    for next in ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "jobs", ""] {
        let form = [("name", ADA), ("password", PASSWORD), ("next", next)];
        assert_eq!(redirect_target(&server.new_client().submit("sign_in", &form)), "/", "{next:?}");
    }
    assert_eq!(redirect_target(&ada.get("/sign-in?next=//evil.example")), "/");
}

#[test]
fn signed_out_pages_reveal_nothing() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let job = ada.run();
    let client = server.new_client();
    for path in ["/", "/jobs", &format!("/jobs/{job}"), "/jobs/999", "/queues", "/new", "/new/demo", "/nowhere"] {
        assert!(redirect_target(&client.get(path)).starts_with("/sign-in?next="), "{path}");
    }
    for path in ["/sign-in", "/setup?link=a"] {
        let page = client.get(path).text().unwrap();
        assert!(!page.contains("<script") && !page.contains("data-job") && !page.contains("Demo"), "{page}");
        assert!(!page.contains(ADA) && !page.contains(env!("CARGO_PKG_VERSION")), "{page}");
    }
    assert!(client.session_cookie().is_none(), "a sign-in page creates no session");
}

#[test]
fn wrong_password_and_unknown_user_get_the_same_answer() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    let try_as = |name: &str| {
        let form = [("name", name), ("password", "not the password"), ("next", "/jobs")];
        text(server.new_client().submit("sign_in", &form), 401)
    };
    let page = try_as(ADA);
    assert!(page.contains("Name and password do not match"), "{page}");
    assert!(field(&page, "name").contains(r#"value="ada""#) && field(&page, "next").contains(r#"value="/jobs""#));
    assert!(field(&page, "password").contains(r#"aria-invalid="true""#), "{page}");
    assert!(!page.contains("not the password"), "{page}");
    assert_eq!(page.replace(ADA, "eve"), try_as("eve"));

    let response = server.new_client().call("sign_in", &[("name", ADA), ("password", "not the password")]);
    assert_eq!(response.status(), 401);
    assert_eq!(response.json::<Value>().unwrap()["code"], "wrong_credentials");
}

#[test]
fn rate_limited_sign_in_has_retry_after() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    let client = server.new_client();
    let form = [("name", "eve"), ("password", "not the password")];
    let rejected = (0..20).map(|_| client.submit("sign_in", &form)).find(|response| response.status() != 401).unwrap();
    let wait = rejected.headers()[RETRY_AFTER].to_str().unwrap().parse::<u64>().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let page = text(rejected, 429);
    assert!(page.contains("Too many tries. Wait "), "{page}");
    let response = client.call("sign_in", &form);
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key(RETRY_AFTER));
    assert_eq!(response.json::<Value>().unwrap()["code"], "too_many_requests");
    client.sign_in(ADA);
}

#[test]
fn session_id_chosen_by_an_attacker_is_replaced() {
    let (server, _ada) = ServerWithAccounts::with_admin();
    // Session IDs of an attacker: one of an existing session, and one of none.
    let attacker = server.new_client();
    attacker.sign_in(ADA);
    let known = attacker.session_cookie().unwrap();
    for chosen in [known.as_str(), "AAAAAAAAAAAAAAAAAAAAAA"] {
        let client = server.new_client();
        client.set_session_cookie(chosen);
        client.sign_in(ADA);
        assert_ne!(client.session_cookie().unwrap(), chosen);
        client.page("/");
    }
    assert!(redirect_target(&attacker.get("/")).starts_with("/sign-in"), "the old session ID is invalid");
}

#[test]
fn theme_cookie_is_secure_behind_https() {
    for (arguments, is_secure) in [(&[][..], false), (&["--public-url", "https://milepost.example.org"], true)] {
        let (server, _data) = ServerProcess::start_with(arguments);
        let request = reqwest::blocking::Client::new().post(server.url("/api/set_theme"));
        let response = request.header("sec-fetch-site", "same-origin").form(&[("theme", "dark")]).send().unwrap();
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        assert!(cookie.starts_with("theme=dark;"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), is_secure, "{cookie}");
    }
}

#[test]
fn signed_out_page_sends_no_path_as_referrer() {
    let (server, link) = ServerWithAccounts::new(&[]);
    let policy = |path: &str| server.new_client().get(path).headers()["referrer-policy"].clone();
    for path in ["/sign-in", "/setup", &format!("/setup?link={link}")] {
        assert_eq!(policy(path), "origin", "{path}");
    }
    assert_eq!(policy("/icons.svg"), "same-origin");
}

#[test]
fn session_cookie_is_host_only_and_http_only() {
    let cookie = |arguments: &[&str]| {
        let (server, link) = ServerWithAccounts::new(arguments);
        let form = [("link", link.as_str()), ("name", ADA), ("password", PASSWORD), ("again", PASSWORD)];
        let response = server.new_client().submit("set_up", &form);
        response.headers()["set-cookie"].to_str().unwrap().to_owned()
    };
    let plain = cookie(&[]);
    assert!(plain.starts_with("milepost_session=") && !plain.contains("Secure"), "{plain}");
    let secure = cookie(&["--public-url", "https://milepost.example.org"]);
    assert!(secure.starts_with("__Host-milepost_session=") && secure.contains("; Secure"), "{secure}");
    for cookie in [plain, secure] {
        for flag in ["; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(flag), "{flag}: {cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[test]
fn signed_out_session_is_rejected() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let stolen = ada.with_same_cookies();
    stolen.page("/");
    assert_eq!(redirect_target(&ada.submit("sign_out", &[])), "/sign-in");
    assert!(ada.session_cookie().is_none(), "the cookie goes");
    assert!(redirect_target(&stolen.get("/")).starts_with("/sign-in?next="));
    assert_eq!(stolen.call("cancel_job", &[("id", "1")]).status(), 401);
    assert_eq!(stolen.call("sign_out", &[]).status(), 200, "already signed out");
    server.new_client().sign_in(ADA);
}

#[test]
fn setup_page_shows_the_host_name() {
    let (server, link) = ServerWithAccounts::new(&["--public-url", "https://archive.example.org"]);
    assert!(server.new_client().page(&format!("/setup?link={link}")).contains("Set up archive.example.org"));
    let (server, link) = ServerWithAccounts::new(&[]);
    assert!(server.new_client().page(&format!("/setup?link={link}")).contains("Set up Milepost"));
}

#[test]
fn sign_in_without_accounts_redirects_to_overview() {
    let (server, _data) = crate::support::process::ServerProcess::start();
    for path in ["/sign-in", "/sign-in?next=/jobs", "/setup?link=a"] {
        let response = server.send_lines(&[&format!("GET {path} HTTP/1.1"), "host: localhost", "accept: text/html"]);
        assert!(response.starts_with("HTTP/1.1 303"), "{response}");
    }
    let response = server.send_lines(&["POST /api/sign_in HTTP/1.1", "host: localhost", "content-length: 0"]);
    assert!(response.starts_with("HTTP/1.1 403") && response.contains("without accounts"), "{response}");
}

#[test]
fn page_view_sets_no_session_cookie() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    for path in ["/", "/jobs", "/queues", "/settings"] {
        assert!(ada.get(path).headers().get(SET_COOKIE).is_none(), "{path}");
    }
}
