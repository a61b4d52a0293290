//! Offline pages: the headers that let the service worker keep pages, for which session, and for how long.

use model::Scope;
use reqwest::blocking::Response;

use crate::support::{
    accounts::{ServerWithAccounts, UserClient},
    process::ServerProcess,
    site::route_table,
};

const OWN: &str = "host: localhost";

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// The `milepost-visitor` header: the session that a kept page belongs to.
fn visitor_of(user: &UserClient, path: &str) -> String {
    header(&user.get(path), "milepost-visitor").unwrap().to_owned()
}

#[test]
fn only_overview_and_job_list_are_kept_offline() {
    let (server, _data) = ServerProcess::start();
    let response = |path: &str| server.send_lines(&[&format!("GET {path} HTTP/1.1"), OWN]);
    for path in ["/", "/?hours=168", "/jobs", "/jobs?state=running"] {
        let response = response(path);
        assert!(response.contains("\r\nmilepost-keep: 86400\r\n"), "{path}: {response}");
        assert!(response.contains("\r\nmilepost-visitor: everybody\r\n"), "{path}: {response}");
    }
    for route in route_table() {
        let path = crate::network::routes::fill_parameters(&route.path);
        if route.method == http::Method::GET && !["/", "/jobs", "/events"].contains(&path.as_str()) {
            assert!(!response(&path).contains("\r\nmilepost-keep"), "{path}");
        }
    }
    assert!(!response("/nothing-here").contains("\r\nmilepost-keep"));
}

#[test]
fn kept_pages_belong_to_a_session_and_expire_with_it() {
    let (server, link) = ServerWithAccounts::new(&["--session-idle", "90s"]);
    let ada = server.new_client();
    assert_eq!(visitor_of(&ada, "/sign-in"), "nobody");
    ada.redeem_link(&link, "ada");
    let first = visitor_of(&ada, "/");
    assert_eq!(header(&ada.get("/jobs"), "milepost-keep"), Some("90"));
    // Every page has the header, so that the next user is noticed on whichever page they open first.
    for path in ["/jobs", "/queues", "/settings", "/jobs/999", "/nothing-here"] {
        assert_eq!(visitor_of(&ada, path), first, "{path}");
    }
    let bob = server.add_user(&ada, "bob", "viewer");
    assert_ne!(visitor_of(&bob, "/"), first);
    let forbidden = bob.get("/settings/users");
    assert_eq!((forbidden.status().as_u16(), header(&forbidden, "milepost-keep")), (403, None));
    ada.submit("sign_out", &[]);
    let rejected = ada.get("/");
    assert_eq!((rejected.status().as_u16(), header(&rejected, "milepost-keep")), (303, None));
    assert_eq!(visitor_of(&ada, "/sign-in"), "nobody");
    ada.sign_in("ada");
    assert_ne!(visitor_of(&ada, "/"), first, "the same user in another session");
}

#[test]
fn api_responses_are_not_kept_and_name_no_session() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let program = ada.api_client("script", &[Scope::Read]);
    let response = program.get("/");
    assert_eq!(response.status(), 200);
    assert_eq!((header(&response, "milepost-keep"), header(&response, "milepost-visitor")), (None, None));
}

#[test]
fn service_worker_is_revalidated_and_restricted_to_self() {
    let (server, _data) = ServerProcess::start();
    for path in ["/service-worker.js", "/service-worker.js?0123456789ab", "/service-worker.js?forget"] {
        let response = server.send_lines(&[&format!("GET {path} HTTP/1.1"), OWN]);
        assert!(response.starts_with("HTTP/1.1 200"), "{path}: {response}");
        assert!(response.contains("\r\ncache-control: no-cache\r\n"), "{path}: {response}");
        assert!(response.contains("\r\ncontent-type: text/javascript\r\n"), "{path}: {response}");
        assert!(
            response.contains("default-src 'none'; connect-src 'self'; frame-ancestors 'none'"),
            "{path}: {response}"
        );
        assert!(response.contains("navigationPreload"), "{path}: {response}");
    }
    let page = server.send_lines(&["GET / HTTP/1.1", OWN]);
    assert!(page.contains("worker-src 'self'") && page.contains("/service-worker.js?"), "{page}");
}

#[test]
fn service_worker_unregisters_when_pages_are_not_kept() {
    let (server, _data) = ServerProcess::start_with(&["--kept-pages", "false"]);
    let page = server.send_lines(&["GET / HTTP/1.1", OWN]);
    assert!(!page.contains("milepost-keep") && !page.contains("serviceWorker"), "{page}");
    let worker = server.send_lines(&["GET /service-worker.js?0123456789ab HTTP/1.1", OWN]);
    assert!(worker.contains("registration.unregister()") && worker.contains("caches.delete"), "{worker}");
    assert!(!worker.contains("fetch"), "it handles no requests: {worker}");
}

#[test]
fn service_worker_of_earlier_releases_unregisters_itself() {
    for flags in [&[] as &[&str], &["--kept-pages", "false"]] {
        let (server, _data) = ServerProcess::start_with(flags);
        let worker = server.send_lines(&["GET /away.js?0123456789ab HTTP/1.1", OWN]);
        assert!(worker.starts_with("HTTP/1.1 200") && worker.contains("\r\ncache-control: no-cache\r\n"), "{worker}");
        assert!(worker.contains("registration.unregister()") && worker.contains("caches.delete"), "{worker}");
        assert!(!worker.contains("\"fetch\""), "it handles no request: {worker}");
    }
}

#[test]
fn offline_page_is_the_same_for_all_users() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let theirs = ada.page("/offline");
    assert_eq!(theirs, server.new_client().page("/offline"));
    assert!(theirs.contains("The server cannot be reached") && !theirs.contains("ada"), "{theirs}");
}
