//! The base path: a server below a path of a reverse proxy.

use std::{collections::BTreeSet, io::BufRead, io::BufReader};

use http::Method;
use reqwest::{
    StatusCode,
    header::{ACCEPT, COOKIE, LOCATION, REFERER, SET_COOKIE},
    redirect::Policy,
};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    network::routes::fill_parameters,
    support::{
        accounts::{ADA, PASSWORD, link_secret},
        browser::Browser,
        process::{ServerProcess, run},
        site::route_table,
    },
};

const BASE: &str = "/milepost";

/// Every address in the markup and in the scripts of a page.
fn addresses(page: &str) -> BTreeSet<&str> {
    let starts = [r#" href=""#, r#" src=""#, r#" action=""#, r#"fetch(""#, r#"import(""#, r#"register(""#];
    let named = starts.iter().flat_map(|start| page.split(start).skip(1));
    named.filter_map(|rest| rest.split('"').next()).filter(|address| !address.starts_with('#')).collect()
}

/// A server below the base path, with a succeeded, a failed and a running job.
fn populated() -> Browser {
    let browser = Browser::with_arguments(&["--base-path", BASE]).with_base_path(BASE);
    browser.run(&json!({ "seconds": 0 }));
    browser.run(&json!({ "seconds": 0, "ending": "fail" }));
    browser.start_long_job();
    browser
}

#[test]
fn every_link_is_below_the_base_path_and_works() {
    let browser = populated();
    let paths = route_table().into_iter().filter(|route| route.method == Method::GET);
    let mut paths: Vec<String> = paths.map(|route| fill_parameters(&route.path)).collect();
    for page in ["/jobs?state=failed", "/jobs/2", "/jobs/2?confirm=delete", "/new/demo", "/new/demo?from=2", "/jobs/3"]
    {
        paths.push(page.to_owned());
    }
    let mut found = BTreeSet::new();
    for path in &paths {
        // Event streams stay open; another test reads them.
        if path.starts_with("/events") {
            continue;
        }
        let response = browser.get(path);
        let page = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let there = response.status().is_success();
        let text = response.text().unwrap();
        if page {
            assert!(text.contains(r#"<html lang="en" data-base="/milepost""#), "{path}");
            // A missing page links to itself, for a reload when the server has another build.
            let own = format!("{BASE}{path}");
            let others = addresses(&text).into_iter().filter(|address| there || *address != own);
            found.extend(others.map(str::to_owned));
        }
    }
    assert!(found.len() > 30, "{found:?}");
    for address in found {
        let path = address.strip_prefix(BASE).unwrap_or_else(|| panic!("{address} lies outside"));
        assert!(path.starts_with('/'), "{address}");
        // Scripts and styles exist only after a build of the site; templates link to job 0.
        if path.starts_with("/pkg") || path == "/jobs/0" {
            continue;
        }
        let status = browser.get(&path.replace("&amp;", "&")).status();
        // Functions reject GET, or redirect to the page of their form.
        let function = path.starts_with("/api/");
        assert!(status.is_success() || function && status == StatusCode::METHOD_NOT_ALLOWED, "{address}: {status}");
    }
}

#[test]
fn root_redirects_to_base_path_and_the_rest_is_404() {
    let (server, _data) = ServerProcess::start_with(&["--base-path", BASE]);
    let get = |path: &str| server.send_lines(&[&format!("GET {path} HTTP/1.1"), "host: localhost"]);
    for path in ["/", BASE] {
        let response = get(path);
        assert!(
            response.starts_with("HTTP/1.1 307") && response.contains("\r\nlocation: /milepost/\r\n"),
            "{response}"
        );
    }
    for path in ["/healthz", "/milepost/healthz", "/milepost/", "/milepost/?hours=168", "/milepost/jobs"] {
        assert!(get(path).starts_with("HTTP/1.1 200"), "{path}");
    }
    for path in ["/jobs", "/icons.svg", "/milepostjobs", "/milepost/milepost/jobs", "/milepost/nowhere"] {
        assert!(get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn forms_redirect_below_the_base_path() {
    let browser = populated();
    let client = reqwest::blocking::Client::builder().redirect(Policy::none()).build().unwrap();
    let submit = |path: &str, form: &[(&str, &str)], from: &str| {
        let request = client.post(browser.server.url(path)).form(form).header(ACCEPT, "text/html");
        let response = request.header(REFERER, from).send().unwrap();
        assert_eq!(response.status(), StatusCode::SEE_OTHER, "{path}");
        response
    };
    let location = |response: &reqwest::blocking::Response| response.headers()[LOCATION].to_str().unwrap().to_owned();
    let theme = submit("/milepost/api/set_theme", &[("theme", "dark")], &browser.server.url("/milepost/jobs?q=a"));
    assert_eq!(location(&theme), "/milepost/jobs?q=a");
    assert!(theme.headers()[SET_COOKIE].to_str().unwrap().contains("Path=/milepost/;"));
    for elsewhere in ["http://localhost/other/page", "http://localhost//evil.example/", "none"] {
        assert_eq!(location(&submit("/milepost/api/set_theme", &[("theme", "dark")], elsewhere)), "/milepost/");
    }
    assert_eq!(location(&submit("/milepost/api/rerun_job", &[("id", "1")], "none")), "/milepost/jobs/4");
    assert_eq!(location(&submit("/milepost/api/delete_job", &[("id", "2")], "none")), "/milepost/jobs");
    assert_eq!(location(&submit("/milepost/new/demo", &[("seconds", "0")], "none")), "/milepost/jobs/5");
}

#[test]
fn session_cookie_is_limited_to_the_base_path() {
    let client = reqwest::blocking::Client::builder().redirect(Policy::none()).build().unwrap();
    for (arguments, name) in [
        (&[][..], "milepost_session.milepost="),
        (&["--public-url", "https://milepost.example.org"], "__Secure-milepost_session.milepost="),
    ] {
        let data = TempDir::new().unwrap();
        let mut server = ServerProcess::with_accounts(data.path(), &[arguments, &["--base-path", BASE]].concat());
        let link = link_secret(&server.setup_link());
        let form = [("link", link.as_str()), ("name", ADA), ("password", PASSWORD), ("again", PASSWORD)];
        let request = client.post(server.url("/milepost/api/set_up")).header("sec-fetch-site", "same-origin");
        let response = request.header(ACCEPT, "text/html").form(&form).send().unwrap();
        let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with(name) && cookie.contains("; Path=/milepost/;"), "{cookie}");
        assert_eq!(cookie.contains("; Secure"), !arguments.is_empty(), "{cookie}");

        let own = cookie.split(';').next().unwrap();
        let get = |path: &str| client.get(server.url(path)).header(COOKIE, own).send().unwrap();
        assert_eq!(get("/milepost/jobs").status(), StatusCode::OK);
        for (next, location) in [
            ("/milepost/jobs", "/milepost/jobs"),
            ("/other", "/milepost/"),
            ("/milepost/../other", "/milepost/"),
            ("/milepost/%252e%252e/other", "/milepost/"),
        ] {
            let response = get(&format!("/milepost/sign-in?next={next}"));
            assert_eq!(response.headers()[LOCATION], location, "{next}");
        }
    }
}

#[test]
fn streams_downloads_and_uploads_work_below_base_path() {
    let browser = populated();
    let stream = BufReader::new(browser.get("/events?job=1"));
    assert!(stream.lines().any(|line| line.unwrap().contains("event: snapshot")));
    assert!(browser.get("/events/poll?topic=jobs").status().is_success());
    assert!(browser.get("/jobs/1/log").text().unwrap().contains("info"));
    assert!(browser.upload("a,b\n1,2\n").is_string());
}

#[test]
fn invalid_base_path_is_rejected_with_an_example() {
    for path in ["milepost", "/milepost/", "/", "", "//evil.example", "/a/../b", "/a b", "/ä", "/{id}", "/a?b"] {
        let output = run(&["--base-path", path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("base_path") && stderr.contains("such as /milepost"), "{stderr}");
    }
}
