//! Server functions as the API: arguments, errors, idempotency, pause and resume, queue controls.

use reqwest::{
    StatusCode,
    blocking::{Client, Response},
    redirect::Policy,
};
use serde_json::{Value, json};

use crate::support::process::{ServerProcess, TIMEOUT, without_markers};

/// Calls a server function as a script does.
fn call(server: &ServerProcess, function: &str, arguments: &[(&str, &str)]) -> Response {
    Client::new().post(server.url(&format!("/api/{function}"))).form(arguments).send().unwrap()
}

/// The status and the JSON of a response.
fn status_and_json(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().unwrap())
}

fn start(server: &ServerProcess, kind: &str, input: &str) -> (u16, Value) {
    status_and_json(call(server, "start_job", &[("kind", kind), ("input", input)]))
}

/// The fields that an error names.
fn invalid_fields(status_and_json: &Value) -> Vec<&str> {
    status_and_json["fields"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap()).collect()
}

#[test]
fn start_job_returns_the_job_id() {
    let (server, _data) = ServerProcess::start();
    let response = call(&server, "start_job", &[("kind", "demo"), ("input", r#"{"seconds":0}"#)]);
    assert_eq!(response.status(), StatusCode::OK);
    let job: i64 = response.text().unwrap().parse().unwrap();
    let page = reqwest::blocking::get(server.url(&format!("/jobs/{job}"))).unwrap();
    assert_eq!(page.status(), StatusCode::OK);

    let job = job.to_string();
    let again = [("kind", "demo"), ("input", r#"{"seconds":0}"#), ("rerun_of", &job)];
    assert_eq!(call(&server, "start_job", &again).status(), StatusCode::OK);
}

#[test]
fn start_job_with_same_key_returns_the_same_job() {
    let (server, _data) = ServerProcess::start();
    let start = |input: &str, more: &[(&str, &str)]| {
        let arguments = [&[("kind", "demo"), ("input", input)][..], more].concat();
        status_and_json(call(&server, "start_job", &arguments))
    };
    let first = start(r#"{"seconds":0}"#, &[("idempotency_key", "mail-1")]);
    assert_eq!(first.0, 200, "{first:?}");
    assert_eq!(start(r#"{"seconds":0}"#, &[("idempotency_key", "mail-1")]), first);
    let (status, error) = start(r#"{"seconds":1}"#, &[("idempotency_key", "mail-1")]);
    assert_eq!((status, &error["code"]), (409, &json!("key_reused")));
    let (status, error) = start("{}", &[("idempotency_key", &"x".repeat(201))]);
    assert_eq!((status, invalid_fields(&error)), (422, vec!["idempotency_key"]));

    let waiting = [("start_at", "2100-01-01T00:00:00Z"), ("unique_key", "nightly")];
    let only = start(r#"{"seconds":0}"#, &waiting);
    assert_eq!(start(r#"{"seconds":5}"#, &waiting), only, "it is under way");
    assert_ne!(only, first);
}

#[test]
fn scheduled_job_waits_until_start_now() {
    let (server, _data) = ServerProcess::start();
    let later = [("kind", "demo"), ("input", r#"{"seconds":0}"#), ("start_at", "2100-01-01T00:00"), ("priority", "-3")];
    let job = call(&server, "start_job", &later).text().unwrap();
    let page = reqwest::blocking::get(server.url(&format!("/jobs/{job}"))).unwrap().text().unwrap();
    let page = without_markers(&page);
    assert!(page.contains("data-state=\"scheduled\"") && page.contains("action=\"/api/start_now\""), "{page}");
    assert!(page.contains("<dd>-3</dd>"), "its priority: {page}");
    assert_eq!(call(&server, "start_now", &[("id", &job)]).status(), StatusCode::OK);
    let (status, error) = status_and_json(call(&server, "start_now", &[("id", &job)]));
    assert_eq!((status, &error["code"]), (409, &json!("not_scheduled")));
}

#[test]
fn waiting_job_is_paused_and_resumed() {
    let (server, _data) = ServerProcess::start();
    let later = [("kind", "demo"), ("input", r#"{"seconds":0}"#), ("start_at", "2100-01-01T00:00")];
    let job = call(&server, "start_job", &later).text().unwrap();
    let page = || reqwest::blocking::get(server.url(&format!("/jobs/{job}"))).unwrap().text().unwrap();
    assert!(page().contains("action=\"/api/pause_job\""));
    assert_eq!(call(&server, "pause_job", &[("id", &job)]).json::<String>().unwrap(), "paused");
    let paused = page();
    assert!(paused.contains("data-state=\"paused\"") && paused.contains("action=\"/api/resume_job\""), "{paused}");
    let (status, error) = status_and_json(call(&server, "pause_job", &[("id", &job)]));
    assert_eq!((status, &error["code"]), (409, &json!("already_paused")));
    assert_eq!(call(&server, "resume_job", &[("id", &job)]).status(), StatusCode::OK);
    let (status, error) = status_and_json(call(&server, "resume_job", &[("id", &job)]));
    assert_eq!((status, &error["code"]), (409, &json!("not_paused")));
}

#[test]
fn queue_is_paused_limited_and_resumed() {
    let (server, _data) = ServerProcess::start();
    let get = |path: &str| reqwest::blocking::get(server.url(path)).unwrap().text().unwrap();
    assert_eq!(call(&server, "pause_queue", &[("queue", "default")]).status(), StatusCode::OK);
    assert_eq!(call(&server, "limit_queue", &[("queue", "default"), ("at_once", "3")]).status(), StatusCode::OK);
    let job: i64 = call(&server, "start_job", &[("kind", "demo"), ("input", r#"{"seconds":0}"#)]).json().unwrap();
    let page = get(&format!("/jobs/{job}"));
    assert!(page.contains("Queue “default” is paused") && page.contains("data-state=\"queued\""), "{page}");
    assert!(get("/").contains("Queue “default”"), "on the overview");
    let queues = get("/queues");
    assert!(queues.contains("action=\"/api/resume_queue\"") && queues.contains("value=\"3\""), "{queues}");
    for typed in ["0", "10001", "-1", "many", "1.5"] {
        let arguments = [("queue", "default"), ("at_once", typed)];
        let (status, error) = status_and_json(call(&server, "limit_queue", &arguments));
        assert_eq!((status, &error["field"]), (422, &json!("at_once")), "{typed}: {error}");
        assert!(error["message"].as_str().unwrap().contains("a whole number from 1 to 10,000"), "{error}");
    }
    let (status, error) = status_and_json(call(&server, "pause_queue", &[("queue", "dsik")]));
    assert_eq!((status, &error["code"], &error["field"]), (404, &json!("unknown_queue"), &json!("queue")));
    assert!(error["message"].as_str().unwrap().contains("default, disk, network, upkeep"), "{error}");
    assert_eq!(call(&server, "limit_queue", &[("queue", "default"), ("at_once", "")]).status(), StatusCode::OK);
    assert_eq!(call(&server, "resume_queue", &[("queue", "default")]).status(), StatusCode::OK);
    let started_at = std::time::Instant::now();
    while !get(&format!("/jobs/{job}")).contains("data-state=\"succeeded\"") {
        assert!(started_at.elapsed() < TIMEOUT, "it starts after the queue is resumed");
    }
}

#[test]
fn unknown_kind_is_rejected_with_the_known_ones() {
    let (server, _data) = ServerProcess::start();
    let (status, error) = start(&server, "mine-bitcoin", "{}");
    assert_eq!((status, &error["code"], &error["field"]), (404, &json!("unknown_kind"), &json!("kind")));
    assert!(error["message"].as_str().unwrap().contains("checksum"), "{error}");
}

#[test]
fn missing_or_malformed_argument_is_named() {
    let (server, _data) = ServerProcess::start();
    for (arguments, field) in [
        (&[("input", "{}")][..], "kind"),
        (&[("kind", "demo")], "input"),
        (&[("kind", "demo"), ("input", "{")], "input"),
        (&[("kind", "demo"), ("input", "{}"), ("entries", "{}")], "entries"),
        (&[("kind", "demo"), ("input", "{}"), ("rerun_of", "the last one")], "rerun_of"),
        (&[("kind", "demo"), ("input", "{}"), ("start_at", "tomorrow")], "start_at"),
        (&[("kind", "demo"), ("input", "{}"), ("priority", "10")], "priority"),
    ] {
        let (status, error) = status_and_json(call(&server, "start_job", arguments));
        assert_eq!((status, &error["field"]), (400, &json!(field)), "{arguments:?}: {error}");
    }
}

#[test]
fn all_invalid_input_fields_are_named_at_once() {
    let (server, _data) = ServerProcess::start();
    let (status, error) = start(&server, "checksum", r#"{"foldr":"/srv","algorithm":"md5"}"#);
    assert_eq!((status, &error["code"]), (422, &json!("invalid_input")), "{error}");
    for field in ["foldr", "folder", "algorithm"] {
        assert!(invalid_fields(&error).contains(&field), "{field} in {error}");
    }
    for no_object in ["[]", "3", "null", "\"\""] {
        assert_eq!(start(&server, "demo", no_object).0, 422, "{no_object}");
    }
}

#[test]
fn folder_outside_roots_is_rejected() {
    let root = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(root.path().join("inside")).unwrap();
    std::os::unix::fs::symlink("/etc", root.path().join("way-out")).unwrap();
    let (server, _data) = ServerProcess::start_with(&["--root", root.path().to_str().unwrap()]);
    for path in ["..", "inside/../..", "/etc", "way-out", "way-out/ssl", "/", "nowhere", "inside\u{0}", "~"] {
        let (status, error) = start(&server, "checksum", &json!({ "folder": path }).to_string());
        assert_eq!((status, invalid_fields(&error)), (422, vec!["folder"]), "{path}: {error}");
        let (status, error) = status_and_json(call(&server, "folders", &[("path", path)]));
        assert_eq!((status, &error["code"]), (422, &json!("invalid_path")), "{path}: {error}");
    }
    let listing: Value = call(&server, "folders", &[("path", root.path().to_str().unwrap())]).json().unwrap();
    assert_eq!(listing["folders"][0]["name"], "inside", "{listing}");
    assert_eq!(start(&server, "checksum", r#"{"folder":"inside"}"#).0, 200);
}

#[test]
fn input_over_16_mib_is_rejected() {
    let (server, _data) = ServerProcess::start();
    let mut input = r#"{"seconds":0}"#.to_owned();
    input.extend(std::iter::repeat_n(' ', 16_000_000 - input.len()));
    assert_eq!(start(&server, "demo", &input).0, 200);
    input.extend(std::iter::repeat_n(' ', 1_000_000));
    let (status, error) = start(&server, "demo", &input);
    assert_eq!((status, &error["code"]), (413, &json!("too_large")), "{error}");
    assert!(error["message"].as_str().unwrap().contains("16 MiB"), "{error}");
}

#[test]
fn argument_that_is_not_utf_8_is_rejected() {
    let (server, _data) = ServerProcess::start();
    for body in [
        &b"kind=demo&input=%7B%22seconds%22:%220\xff%22%7D"[..],
        b"kind=demo&input=%7B%22a%22:%22%ff%22%7D",
        b"kind=demo&input=%7B%22\xd9%A3%22:1%7D",
    ] {
        let request = Client::new().post(server.url("/api/start_job")).body(body);
        let (status, error) =
            status_and_json(request.header("content-type", "application/x-www-form-urlencoded").send().unwrap());
        assert_eq!((status, &error["code"]), (400, &json!("malformed")), "{error}");
    }
}

#[test]
fn unknown_function_and_get_request_are_rejected() {
    let (server, _data) = ServerProcess::start();
    let (status, error) = status_and_json(call(&server, "format_disk", &[]));
    assert_eq!((status, &error["code"]), (404, &json!("unknown_function")));
    let got = reqwest::blocking::get(server.url("/api/start_job?kind=demo&input={}")).unwrap();
    assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn form_error_is_shown_once_on_the_referring_page() {
    let (server, _data) = ServerProcess::start();
    let browser = Client::builder().cookie_store(true).redirect(Policy::none()).build().unwrap();
    let sent_from = |page: &str| {
        let form = browser.post(server.url("/api/start_job")).form(&[("kind", "dig"), ("input", "{}")]);
        form.header("accept", "text/html,*/*")
            .header("sec-fetch-site", "same-origin")
            .header("referer", page)
            .send()
            .unwrap()
    };
    let back = sent_from(&server.url("/jobs?state=failed"));
    assert_eq!(back.status(), StatusCode::SEE_OTHER);
    assert_eq!(back.headers()["location"], "/jobs?state=failed");
    let page = || {
        let request = browser.get(server.url("/jobs?state=failed")).header("accept", "text/html");
        request.send().unwrap().text().unwrap()
    };
    assert!(page().contains("There is no task dig"));
    assert!(!page().contains("There is no task dig"), "shown twice");

    for elsewhere in
        ["http://evil.example//evil.example/", "http://evil.example/\\evil.example/", "//evil.example/", "mailto:x", ""]
    {
        let to = sent_from(elsewhere).headers()["location"].to_str().unwrap().to_owned();
        assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'), "{elsewhere} leads to {to}");
    }
}
