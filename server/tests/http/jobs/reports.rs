//! Reports of jobs that run elsewhere: signals as curl sends them, batches, and what each token may report.

use std::process::Command;

use model::Scope;
use reqwest::{
    Method,
    blocking::Response,
    header::{ACCEPT, CONTENT_TYPE},
};
use serde_json::{Value, json};

use crate::support::{
    accounts::{ServerWithAccounts, UserClient, make_token, request_with_token},
    browser::Browser,
};

const BASE: &str = "/api/v1/report/nightly";

/// Sends a signal as curl does, without any header of its own. Returns status and body.
fn curl(browser: &Browser, arguments: &[&str], path: &str) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-sS", "-m", "10", "-w", "\n%{http_code}"])
        .args(arguments)
        .arg(browser.server.url(&format!("{BASE}{path}")))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn send_batch(browser: &Browser, run: &str, body: &Value) -> Response {
    let request = browser.client.post(browser.server.url(&format!("{BASE}/{run}")));
    request.header(CONTENT_TYPE, "application/json").body(body.to_string()).send().unwrap()
}

fn batch(seq: u64, entries: &Value) -> Value {
    json!({ "reporter": "b7c1", "seq": seq, "entries": entries })
}

fn log_of(browser: &Browser, job: &str) -> String {
    browser.get(&format!("/jobs/{job}/log")).text().unwrap()
}

#[test]
fn lone_finish_by_curl_makes_a_job_with_its_outcome() {
    let browser = Browser::new();
    assert_eq!(curl(&browser, &["-d", "0"], "/finish"), (200, "ok 1\n".to_owned()));
    assert_eq!(curl(&browser, &["-d", "3"], "/finish"), (200, "ok 2\n".to_owned()));
    // curl repeats a finish whose response was lost.
    assert_eq!(curl(&browser, &["-d", "3"], "/finish"), (200, "ok 2\n".to_owned()));
    assert!(browser.page("/jobs/1").contains("Reported from"));
    let failed = browser.page("/jobs/2");
    assert!(failed.contains("exit_3") && !failed.contains("retry_job") && !failed.contains("rerun_job"), "{failed}");
}

#[test]
fn signals_by_curl_show_progress_and_learn_of_a_cancel() {
    let browser = Browser::new();
    assert_eq!(curl(&browser, &["-d", "title=Nightly copies&host=db1"], "/start").0, 201);
    assert_eq!(curl(&browser, &["-d", "1/3 parts"], "/progress"), (200, "ok 1\n".to_owned()));
    assert_eq!(curl(&browser, &["--data-binary", "one\ntwo\n"], "/log").0, 200);
    let page = browser.page("/jobs/1");
    assert!(page.contains("Nightly copies") && page.contains("db1") && page.contains("33"), "{page}");
    assert!(log_of(&browser, "1").ends_with("two\n"));
    browser.cancel(1);
    assert_eq!(curl(&browser, &["-d", "67%"], "/progress"), (200, "cancel 1\n".to_owned()));
    assert_eq!(curl(&browser, &["-d", "state=cancelled"], "/finish").0, 200);
    assert!(browser.page("/jobs/1").contains(r#"data-state="cancelled""#));
}

#[test]
fn body_that_cannot_be_read_is_a_problem_with_its_remedy() {
    let browser = Browser::new();
    for (path, body, status, words) in [
        ("/progress", "half", 422, "42%"),
        ("/progress", "4000%", 422, "between 0 and 100"),
        ("/finish", "well", 422, "exit code"),
        ("/finish", "code=3", 422, "exit_code"),
        ("/progress", "3/10 a=b", 422, "value"),
        ("/finish", "{\"exit_code\":", 400, "cannot be read"),
        ("/r/hologram", "1", 404, "start, progress, log and finish"),
    ] {
        let (code, problem) = curl(&browser, &["-d", body], path);
        let problem: Value = serde_json::from_str(&problem).unwrap();
        assert_eq!((code, problem["status"].as_u64()), (status, Some(u64::from(status))), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
    }
    let url = browser.server.url("/api/v1/report/Nightly/start");
    assert_eq!(browser.client.post(url).send().unwrap().status(), 422);
    let url = browser.server.url("/api/v1/report/checksum/finish");
    let taken: Value = browser.client.post(url).body("0").send().unwrap().json().unwrap();
    assert_eq!(taken["code"], "kind_taken");
    assert!(browser.page("/jobs").contains("No jobs yet"), "nothing was created");
}

#[test]
fn batches_sent_twice_and_shuffled_count_once() {
    let browser = Browser::new();
    let line = |number: u64| json!([{ "type": "log", "lines": [[0, "info", format!("line {number}")]] }]);
    // Each batch of a window of ten comes three times, and later ones before earlier ones.
    let mut numbers: Vec<u64> = (1..=60).collect();
    numbers.chunks_mut(10).for_each(<[u64]>::reverse);
    let mut waiting = numbers.repeat(3);
    waiting.sort_by_key(|number| (number - 1) / 10);
    let mut gaps = 0;
    while !waiting.is_empty() {
        waiting.retain(|number| {
            let response = send_batch(&browser, "r", &batch(*number, &line(*number)));
            let status = response.status().as_u16();
            let body: Value = response.json().unwrap();
            match status {
                200 => {
                    assert!(body["received"].as_u64() >= Some(*number) && body["acked"] == body["received"], "{body}");
                }
                409 => {
                    gaps += 1;
                    assert_eq!(body["code"], "gap");
                    assert!(body["received"].as_u64() < Some(*number), "{body}");
                }
                _ => panic!("{status} {body}"),
            }
            status == 409
        });
    }
    assert!(gaps > 0, "a later one came first");
    let lines: Vec<String> =
        log_of(&browser, "1").lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(lines, (1..=60).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[test]
fn acknowledged_lines_survive_sigkill_and_the_run_goes_on() {
    let mut browser = Browser::new();
    let mut sent = 0;
    for round in 1..=3_u64 {
        let mut entries = Vec::new();
        for number in sent + 1..=sent + 50 {
            entries.push(json!({ "type": "log", "lines": [[0, "info", format!("line {number}")]] }));
            entries.push(json!({ "type": "progress", "value": number, "max": 150, "unit": "lines" }));
        }
        let body =
            json!({ "reporter": "b7c1", "seq": 2 * sent + 1, "acked": 2 * sent, "heartbeat": 10, "entries": entries });
        let taken: Value = send_batch(&browser, "r", &body).json().unwrap();
        sent += 50;
        assert_eq!((taken["acked"].as_u64(), taken["attempt"].as_u64()), (Some(2 * sent), Some(1)), "{round}: {taken}");
        browser.server.signal("KILL");
        browser.server.wait_for_exit();
        browser = browser.start_next_server(&[]);
        // The reporter did not get the last response and sends all of it again.
        let again: Value = send_batch(&browser, "r", &body).json().unwrap();
        assert_eq!((again["acked"].as_u64(), &again["state"]), (Some(2 * sent), &json!("running")), "{again}");
    }
    let end = batch(2 * sent + 1, &json!([{ "type": "finish", "exit_code": 0, "result": { "lines": sent } }]));
    let ended: Value = send_batch(&browser, "r", &end).json().unwrap();
    assert_eq!(
        (&ended["state"], ended["attempt"].as_u64()),
        (&json!("succeeded"), Some(1)),
        "it was never interrupted"
    );
    let numbers: Vec<String> =
        log_of(&browser, "1").lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect();
    assert_eq!(numbers, (1..=150).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(!browser.page("/jobs/1").contains("Interrupted"));
}

#[test]
fn wrong_clock_of_a_reporter_is_corrected() {
    let browser = Browser::new();
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    let hour = 3_600_000_000;
    let ahead = now() + hour;
    let lines =
        json!([{ "type": "log", "lines": [[ahead - 2_000_000, "info", "early"], [ahead + 5 * hour, "info", "late"]] }]);
    let mut body = batch(1, &lines);
    body["sent_at"] = json!(ahead);
    body["entries"].as_array_mut().unwrap().insert(0, json!({ "type": "start", "at": ahead - 3_000_000 }));
    assert_eq!(send_batch(&browser, "r", &body).status(), 200);
    let log = log_of(&browser, "1");
    assert!(log.contains("early") && log.contains("late"), "{log}");
    let far = jiff::Timestamp::from_microsecond(now() + 2_000_000).unwrap();
    for line in log.lines() {
        let at: jiff::Timestamp = line.split_whitespace().next().unwrap().parse().unwrap();
        assert!(at <= far && far.as_second() - at.as_second() < 60, "{line}");
    }
}

fn report(server: &ServerWithAccounts, token: &str, path: &str, body: &'static str) -> (u16, Value) {
    let client = server.new_client();
    let request = client.request(Method::POST, path).bearer_auth(token).header(ACCEPT, "application/json").body(body);
    let response = client.send(request);
    (response.status().as_u16(), response.json().unwrap())
}

#[test]
fn token_reports_its_owners_runs_and_nothing_else() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let ben = server.add_user(&ada, "ben", "operator");
    let vic = server.add_user(&ada, "vic", "viewer");
    let token = make_token(&ben, "cron", &["report"]);
    let (code, started) = report(&server, &token, &format!("{BASE}/r1/start"), "title=Nightly");
    assert_eq!((code, &started["state"]), (201, &json!("running")));
    // It reads and controls nothing.
    for (method, path) in
        [(Method::GET, "/jobs/1"), (Method::POST, "/api/cancel_job"), (Method::POST, "/api/start_job")]
    {
        assert_eq!(request_with_token(&server, &token, method, path, &[("id", "1")]).status(), 403, "{path}");
    }
    // Another user's run does not exist; the same name is a run of their own.
    let other = make_token(&ada, "cron", &["report"]);
    let client = server.new_client();
    let status =
        |token: &str, path: &str| client.send(client.request(Method::GET, path).bearer_auth(token)).status().as_u16();
    assert_eq!(status(&other, &format!("{BASE}/r1")), 404);
    assert_eq!(status(&other, &format!("{BASE}/unknown")), 404);
    let (code, own) = report(&server, &other, &format!("{BASE}/r1/finish"), "0");
    assert_eq!(code, 200);
    assert_ne!(own["job"], started["job"]);
    // A token continues the run of another one of its owner.
    let replacement = make_token(&ben, "cron 2", &["report"]);
    let (code, same) = report(&server, &replacement, &format!("{BASE}/r1/progress"), "1/2 parts");
    assert_eq!((code, &same["job"]), (200, &started["job"]));
    for (secret, expected) in [
        ("mp_wrong", 401),
        (make_token(&ben, "reader", &["read", "start"]).as_str(), 403),
        (make_token(&vic, "viewer", &["report"]).as_str(), 403),
    ] {
        let (code, problem) = report(&server, secret, &format!("{BASE}/r1/finish"), "0");
        assert_eq!(code, expected, "{problem}");
        assert_eq!(problem["status"].as_u64(), Some(u64::from(expected)), "{problem}");
    }
    assert_eq!(status(&token, &format!("{BASE}/r1")), 200);
}

#[test]
fn revoked_token_reports_nothing_more_and_another_one_goes_on() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    let scopes = [Scope::Report];
    let cron: UserClient = ada.api_client("cron", &scopes);
    assert_eq!(cron.api_post(&format!("{BASE}/r/start"), "").status(), 201);
    let poll = cron.request(Method::GET, &format!("{BASE}/r/control?wait=2&since=1.0"));
    let waiting = std::thread::spawn(move || poll.send().unwrap().status().as_u16());
    let page = ada.page("/settings");
    let id = page.split(r#"name="id" value=""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    assert!(ada.call("revoke_token", &[("id", &id)]).status().is_success());
    // The poll came before or after the revocation; it is refused in both cases.
    assert_eq!(waiting.join().unwrap(), 401);
    assert_eq!(cron.api_post(&format!("{BASE}/r/finish"), "0").status(), 401);
    let next: UserClient = ada.api_client("cron 2", &scopes);
    assert_eq!(next.api_post(&format!("{BASE}/r/finish"), "0").status(), 200);
}
