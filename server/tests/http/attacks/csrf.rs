//! CSRF: requests of another site's page in the browser of a signed-in user.

use http::Method;

use crate::support::{
    accounts::{ServerWithAccounts, UserClient},
    database::query_value,
    raw_http::{send_bytes, status_of},
    site::route_table,
};

/// The headers that a browser sends from another site's page; the last is none of them.
const FORGED: [&str; 6] = [
    "origin: http://evil.example",
    "origin: null",
    "origin: http://localhost.evil.example",
    "sec-fetch-site: cross-site",
    "sec-fetch-site: same-site",
    "x-nothing: at-all",
];
/// Host names of a DNS rebinding attack.
const REBOUND: [&str; 3] = ["evil.example", "localhost.evil.example", "ada@localhost"];
/// A form body that every function accepts, so that it would change something.
const BODY: &str = "id=1&user=1&kind=demo&input=%7B%22seconds%22%3A0%7D&queue=default&at_once=1&name=eve&role=administrator\
                    &old=seven+green+otters&new=seven+red+otters&again=seven+red+otters&read=on&expires=never&theme=dark\
                    &start=administrator&seen_by=starter&password=seven+green+otters&session=0000000000000000&time_zone=UTC\
                    &display_name=Eve";

/// A summary of every table that a request could change.
fn database_state(server: &ServerWithAccounts) -> String {
    query_value(
        server.data(),
        "select (select count(*) from job) || ' ' || (select group_concat(state) from job) || ' '
        || (select count(*) from audit) || ' ' || (select count(*) from session) || ' '
        || (select group_concat(name || role || password || coalesce(removed_at, '') || coalesce(display_name, '')) from user) || ' '
        || (select count(*) from token) || ' ' || (select count(*) from upload) || ' ' || (select count(*) from gate) || ' '
        || (select count(*) from kind_rule) || ' ' || (select count(*) from link) || ' '
        || (select count(*) from activity)",
    )
}

/// The methods and paths of all routes that may change something, filled with existing IDs.
fn changing_routes() -> Vec<(Method, String)> {
    let routes = route_table().into_iter().filter(|route| route.method != Method::GET);
    let named = routes.map(|route| {
        let path = route.path.replace("{kind}", "demo").replace("{stream}", &"0".repeat(32));
        (route.method, path.replace("{*function}", "nothing"))
    });
    named.collect()
}

fn send(
    server: &ServerWithAccounts,
    ada: &UserClient,
    (method, path): &(Method, String),
    host: &str,
    forged: &str,
) -> u16 {
    let session = ada.session_cookie().unwrap();
    let response = send_bytes(
        &server.process,
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{forged}\r\ncookie: milepost_session={session}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{BODY}",
            BODY.len(),
        )
        .as_bytes(),
    );
    status_of(&response)
}

#[test]
fn cross_site_request_to_any_route_is_rejected() {
    let (server, ada) = ServerWithAccounts::with_admin();
    ada.run();
    let before = database_state(&server);
    let routes = changing_routes();
    assert!(routes.len() > 30, "{routes:?}");
    for route in &routes {
        for forged in FORGED {
            assert_eq!(send(&server, &ada, route, "localhost", forged), 403, "{route:?} {forged}");
        }
        for host in REBOUND {
            assert_eq!(send(&server, &ada, route, host, "sec-fetch-site: same-origin"), 421, "{route:?} {host}");
        }
    }
    assert_eq!(database_state(&server), before);
    ada.page("/settings/users");
}

#[test]
fn unlisted_method_changes_nothing() {
    let (server, ada) = ServerWithAccounts::with_admin();
    ada.run();
    let before = database_state(&server);
    let paths = route_table().into_iter().map(|route| route.path.replace("{id}", "1").replace("{kind}", "demo"));
    for path in paths {
        for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::TRACE, Method::OPTIONS, Method::CONNECT] {
            let sent = send(&server, &ada, &(method.clone(), path.clone()), "localhost", "sec-fetch-site: same-origin");
            assert!((400..500).contains(&sent), "{method} {path}: {sent}");
        }
    }
    // A GET request does not do what a POST would do.
    for (method, path) in changing_routes() {
        let sent = send(&server, &ada, &(Method::GET, path.clone()), "localhost", "sec-fetch-site: same-origin");
        // A session does not count for reports, which only programs with tokens send.
        let is_refused = path.starts_with("/api/v1/") && sent == 401;
        let is_harmless = matches!(sent, 200 | 303 | 404 | 405) || is_refused;
        assert!(is_harmless, "GET {path} in place of {method}: {sent}");
    }
    assert_eq!(database_state(&server), before);
}

#[test]
fn malformed_token_does_not_bypass_csrf_check() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let before = database_state(&server);
    let session = ada.session_cookie().unwrap();
    for authorization in ["Bearer \u{ff}", "Bearer nothing", "Bearer mp_\u{80}", "Basic YTpi"] {
        let response = send_bytes(
            &server.process,
            format!(
                "POST /api/start_job HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\n\
                 authorization: {authorization}\r\ncookie: milepost_session={session}\r\nconnection: close\r\n\
                 content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{BODY}",
                BODY.len()
            )
            .as_bytes(),
        );
        assert!(matches!(status_of(&response), 401 | 403), "{authorization}: {response}");
    }
    assert_eq!(database_state(&server), before);
}
