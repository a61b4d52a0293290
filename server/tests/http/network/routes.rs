//! The route table: methods, missing pages, compression, caching of assets.

use std::{collections::HashSet, thread};

use http::Method;

use crate::support::{process::ServerProcess, site::route_table};

const OWN: &str = "host: localhost";

/// The path with `1` for every parameter.
pub(crate) fn fill_parameters(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

#[test]
fn unlisted_method_returns_405() {
    let (server, _data) = ServerProcess::start();
    for path in route_table().iter().map(|route| fill_parameters(&route.path)).collect::<HashSet<_>>() {
        for method in ["PUT", "PATCH", "DELETE", "BREW"] {
            let response = server.send_lines(&[&format!("{method} {path} HTTP/1.1"), OWN]);
            assert!(response.starts_with("HTTP/1.1 405"), "{method} {path}: {response}");
            assert!(response.to_lowercase().contains("\r\nallow: "), "{method} {path}: {response}");
        }
    }
}

#[test]
fn route_table_has_no_duplicate_and_only_get_and_post() {
    let mut seen = HashSet::new();
    for route in route_table() {
        assert!([Method::GET, Method::POST].contains(&route.method), "{} {}", route.method, route.path);
        assert!(seen.insert((route.method.clone(), route.path.clone())), "{} {}", route.method, route.path);
    }
}

#[test]
fn page_is_complete_and_has_server_timing() {
    let (server, _data) = ServerProcess::start();
    for path in ["/", "/jobs", "/queues", "/schedules", "/schedules/new", "/new", "/new/demo"] {
        let response = server.send_lines(&[&format!("GET {path} HTTP/1.1"), OWN]);
        assert!(response.starts_with("HTTP/1.1 200"), "{path}: {response}");
        assert!(response.contains("</html>"), "{path}");
        assert!(response.contains("server-timing: total;dur="), "{path}");
        assert!(response.contains("content-type: text/html; charset=utf-8"), "{path}");
    }
}

#[test]
fn page_is_complete_under_concurrent_load() {
    let (server, _data) = ServerProcess::start();
    // Many at once, so that some requests wait for a reader of the store.
    thread::scope(|scope| {
        for path in
            ["/", "/jobs", "/queues", "/schedules", "/schedules/new", "/new", "/new/demo"].into_iter().cycle().take(40)
        {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..5 {
                    let response = server.send_lines(&[&format!("GET {path} HTTP/1.1"), OWN]);
                    assert!(response.starts_with("HTTP/1.1 200") && response.contains("</html>"), "{path}: {response}");
                }
            });
        }
    });
}

#[test]
fn unknown_page_and_file_return_404() {
    let (server, _data) = ServerProcess::start();
    for path in [
        "/nowhere",
        "/jobs/1/nowhere",
        "/new/no-such-kind",
        "/jobs/999999",
        "/jobs/abc",
        "/schedules/999999",
        "/schedules/abc",
        "/schedules/999999/edit",
    ] {
        let response = server.send_lines(&[&format!("GET {path} HTTP/1.1"), OWN]);
        assert!(response.starts_with("HTTP/1.1 404"), "{path}: {response}");
        assert!(response.contains("</html>"), "{path}");
    }
    for path in ["/jobs/abc/log", "/jobs/abc/artifacts/SHA256SUMS", "/jobs/999999/log"] {
        let response = server.send_lines(&[&format!("GET {path} HTTP/1.1"), OWN]);
        assert!(response.starts_with("HTTP/1.1 404"), "{path}: {response}");
    }
}

#[test]
fn page_is_compressed_when_accepted() {
    let (server, _data) = ServerProcess::start();
    for encoding in ["br", "gzip"] {
        let response = server.send_lines(&["GET / HTTP/1.1", OWN, &format!("accept-encoding: {encoding}")]);
        assert!(response.contains(&format!("content-encoding: {encoding}")), "{encoding}");
    }
    assert!(!server.send_lines(&["GET / HTTP/1.1", OWN]).contains("content-encoding"));
}

#[test]
fn anonymous_page_sets_no_cookie() {
    let (server, _data) = ServerProcess::start();
    assert!(!server.send_lines(&["GET / HTTP/1.1", OWN]).contains("set-cookie"));
}

#[test]
fn unchanged_asset_returns_304() {
    let (server, _data) = ServerProcess::start();
    let first = server.send_lines(&["GET /icons.svg HTTP/1.1", OWN]);
    assert!(first.starts_with("HTTP/1.1 200"), "is the site built? {first}");
    let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let second = server.send_lines(&["GET /icons.svg HTTP/1.1", OWN, &format!("if-none-match: {tag}")]);
    assert!(second.starts_with("HTTP/1.1 304"), "{second}");
    assert!(!second.contains("<svg"));
}
