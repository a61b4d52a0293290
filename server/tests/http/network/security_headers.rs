//! Security headers and the content security policy of pages.

use crate::support::process::{ServerProcess, command};

const GET: &str = "GET /healthz HTTP/1.1";
const CHANGE: &str = "POST /api/cancel_job HTTP/1.1";
const OWN: &str = "host: localhost";

#[test]
fn every_response_has_security_headers() {
    let (server, _data) = ServerProcess::start();
    for lines in [
        &["GET / HTTP/1.1", OWN][..],
        &[GET, OWN],
        &["GET /icons.svg HTTP/1.1", OWN],
        &["GET /nowhere HTTP/1.1", OWN],
        &["GET / HTTP/1.1", "host: evil.example"],
        &[CHANGE, OWN, "content-length: 0", "origin: null"],
    ] {
        let response = server.send_lines(lines);
        let head = response.split("\r\n\r\n").next().unwrap();
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "frame-ancestors 'none'",
        ] {
            assert!(head.contains(header), "{lines:?} lack {header}: {head}");
        }
    }
}

/// The content security policy of the overview, and its HTML.
fn page(server: &ServerProcess) -> (String, String) {
    let response = server.send_lines(&["GET / HTTP/1.1", OWN]);
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    (policy.to_owned(), body.to_owned())
}

#[test]
fn csp_allows_only_scripts_with_the_nonce() {
    let (server, _data) = ServerProcess::start();
    let (policy, body) = page(&server);
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    for script in body.split("<script").skip(1) {
        assert!(script.contains(&format!("nonce=\"{nonce}\"")), "{script}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    assert!(!body.contains(" style=\"") && !body.contains("<style"), "inline style");
    assert!(!policy.contains("ws:"), "{policy}");
    let (again, _) = page(&server);
    assert_ne!(policy, again);
}

#[test]
fn csp_allows_reload_socket_only_in_watch_mode() {
    let data = tempfile::TempDir::new().unwrap();
    let mut command = command();
    command.env("LEPTOS_WATCH", "true").env("LEPTOS_RELOAD_PORT", "3456");
    command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data.path());
    let (policy, _) = page(&ServerProcess::spawn(command));
    assert!(policy.contains("ws://127.0.0.1:3456"), "{policy}");
}
