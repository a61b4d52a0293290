//! The job page and its forms, as a browser without scripts gets them.

use std::io::{BufRead, BufReader};

use serde_json::{Value, json};

use crate::support::browser::Browser;

/// The part of a page between two texts.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split_once(from).map_or("", |(_, rest)| rest.split_once(to).map_or(rest, |(part, _)| part))
}

#[test]
fn page_of_unknown_job_is_404() {
    let browser = Browser::new();
    for path in ["/jobs/999", "/jobs/0", "/jobs/-1", "/jobs/abc", "/jobs/99999999999999999999"] {
        let response = browser.get(path);
        assert_eq!(response.status(), 404, "{path}");
        assert!(response.text().unwrap().contains("Page not found"), "{path}");
    }
}

#[test]
fn first_html_of_ended_job_is_complete() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("<h1>Demo of 0 s</h1>"));
    assert!(page.contains("data-state=\"succeeded\""));
    assert!(page.contains(&format!("href=\"/jobs/{job}/artifacts/demo.txt\"")));
    assert!(page.contains(&format!("href=\"/jobs/{job}/log\"")));
    assert!(page.contains("sample line at level info"), "the log");
    assert!(page.contains("\"seconds\""), "the input");
    assert!(page.contains("Reports"), "the result");
    assert!(page.contains("Attempt 1"), "the attempts");
    assert!(page.contains("started this job"), "the activity");
    assert!(page.contains("action=\"/api/rerun_job\"") && page.contains("action=\"/api/delete_job\""));
    assert!(!page.contains("action=\"/api/cancel_job\"") && !page.contains("action=\"/api/retry_job\""));
    assert!(!page.contains("http-equiv=\"refresh\""), "ended jobs need no refresh");
}

#[test]
fn long_input_is_cut_on_page_and_whole_in_file() {
    let browser = Browser::with_arguments(&["--concurrency", "0"]);
    let urls: Vec<_> = (0..50_000).map(|number| format!("http://127.0.0.1:9/pages/{number}")).collect();
    let input = json!({ "urls": urls.join("\n") });
    let job = browser.start("check-links", &input);
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.len() < 100_000, "{} bytes", page.len());
    assert!(page.contains("http://127.0.0.1:9/pages/0") && !page.contains("data-copies"), "{page}");
    assert!(page.contains(&format!("href=\"/jobs/{job}/input\"")), "{page}");
    let file = browser.get(&format!("/jobs/{job}/input"));
    assert!(file.headers()["content-disposition"].to_str().unwrap().contains(&format!("job-{job}-input.json")));
    assert_eq!(file.json::<Value>().unwrap()["urls"], input["urls"]);
    // The form for a rerun has all of it.
    let form = browser.page(&format!("/new/check-links?from={job}"));
    assert!(form.contains("http://127.0.0.1:9/pages/49999"));
    assert_eq!(browser.get(&format!("/jobs/{job}/result")).status(), 404);
}

#[test]
fn result_of_job_is_a_file() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("data-copies=\"input-json\"") && !page.contains("Only the beginning is shown"));
    let file = browser.get(&format!("/jobs/{job}/result"));
    assert!(file.headers()["content-disposition"].to_str().unwrap().contains(&format!("job-{job}-result.json")));
    assert!(file.json::<Value>().unwrap().is_object());
}

#[test]
fn running_job_page_offers_cancel_and_refreshes() {
    let browser = Browser::new();
    let job = browser.start_long_job();
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(between(&page, "<noscript>", "</noscript>").contains("http-equiv=\"refresh\""));
    assert!(page.contains("action=\"/api/cancel_job\""));
    assert!(!page.contains("action=\"/api/delete_job\""), "what runs cannot be deleted");
    browser.cancel(job);
}

#[test]
fn failed_job_shows_error_and_retry_adds_attempt() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0, "ending": "panic" }));
    let address = format!("/jobs/{job}");
    let page = browser.page(&address);
    assert!(between(&page, "class=\"notice bad\"", "</section>").contains("<code>panic</code>"), "{page}");
    assert!(page.contains("Error trace of attempt 1"));
    let id = job.to_string();
    let after = browser.submit(&address, "/api/retry_job", &[("id", &id)]);
    assert_eq!(after.url().path(), address, "back on the page");
    browser.wait(&[job]);
    let page = browser.page(&address);
    assert!(page.contains("Attempt 2"));
    assert!(between(&page, "class=\"figures\"", "</dl>").contains("last attempt "), "{page}");
}

#[test]
fn paused_job_keeps_its_progress_and_resumes_from_it() {
    let browser = Browser::new();
    let job = browser.start("demo", &json!({ "seconds": 20 }));
    let (id, address) = (job.to_string(), format!("/jobs/{job}"));
    let mut events = BufReader::new(browser.get(&format!("/events?job={job}"))).lines().map(Result::unwrap);
    assert!(events.any(|line| line.contains(r#""fraction":0."#)), "it is running");
    let page = browser.submit(&address, "/api/pause_job", &[("id", &id)]).text().unwrap();
    assert!(page.contains("Pausing") || page.contains("Paused"), "{page}");
    assert!(events.any(|line| line.contains(r#""state":"paused""#)));

    // The value of a progress bar; 0 where it has none.
    let value = |page: &str, bar: &str| between(between(page, bar, "</div>"), " value=\"", "\"").parse().unwrap_or(0.0);
    let page = browser.page(&address);
    let stopped: f64 = value(&page, r#"data-state="paused" class="milebar hero""#);
    assert!(stopped > 20.0, "{stopped}");
    assert!(page.contains("<span>Paused in stage 2 of 3</span>"), "{page}");
    let in_list: f64 = value(&browser.page("/jobs"), r#"data-state="paused" class="milebar""#);
    assert_eq!(in_list.to_bits(), stopped.to_bits());

    let resumed = browser.submit(&address, "/api/resume_job", &[("id", &id)]).text().unwrap();
    let first = value(&resumed, r#"class="milebar hero""#);
    assert!(first > 20.0, "it does not start again at 0: {first}");
    browser.cancel(job);
}

#[test]
fn uploaded_file_is_named_in_title_input_result_and_log() {
    let browser = Browser::new();
    let file = browser.upload("n,word\n1,one\n");
    let job = browser.start("import-csv", &json!({ "file": file, "table": "words" }));
    browser.wait(&[job]);
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("<h1>Import rows.csv into words</h1>"), "{page}");
    assert!(between(&page, "aria-labelledby=\"input\"", "</section>").contains("<dd>rows.csv</dd>"), "{page}");
    assert!(
        page.contains(r#"<span class="key">"file"</span>: <span class="text">"rows.csv"</span>"#),
        "the result: {page}"
    );
    assert!(browser.page(&format!("/jobs/{job}/log")).contains("Started: Import rows.csv into words"));
}

#[test]
fn cancel_of_ended_job_is_rejected_with_a_message() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 })).to_string();
    let rejection = browser.post("/api/cancel_job", &[("id", &job)]);
    assert_eq!(rejection.status(), 409);
    let rejection: Value = rejection.json().unwrap();
    assert_eq!(rejection["code"], "already_ended");
    assert!(rejection["message"].as_str().unwrap().contains("succeeded"), "{rejection}");
    let page = browser.submit(&format!("/jobs/{job}"), "/api/cancel_job", &[("id", &job)]).text().unwrap();
    assert!(page.contains("nothing left to cancel"), "without scripts, on the page");
    assert!(page.contains("data-state=\"succeeded\""));
}

#[test]
fn cancelled_job_shows_time_to_stop() {
    let browser = Browser::new();
    let job = browser.start_long_job();
    browser.cancel(job);
    browser.wait(&[job]);
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("Stopped after") || page.contains("Stopped at once"), "{page}");
    assert!(page.contains("asked by local"));
}

#[test]
fn rerun_is_a_new_job_linked_both_ways() {
    let browser = Browser::new();
    let old = browser.run(&json!({ "seconds": 0, "ending": "warn" }));
    let new = browser.submit(&format!("/jobs/{old}"), "/api/rerun_job", &[("id", &old.to_string())]);
    let address = new.url().path().to_owned();
    let page = new.text().unwrap();
    assert_ne!(address, format!("/jobs/{old}"));
    assert!(between(&page, "Rerun of", "</div>").contains(&format!("href=\"/jobs/{old}\"")));
    assert!(page.contains("warn"), "the same input");
    let old = browser.page(&format!("/jobs/{old}"));
    assert!(between(&old, "Rerun as", "</div>").contains(&format!("href=\"{address}\"")));
}

#[test]
fn delete_asks_for_confirmation() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let address = format!("/jobs/{job}");
    let question = |page: &str| between(page, "<dialog", ">").contains(" open");
    assert!(!question(&browser.page(&address)));
    assert!(question(&browser.page(&format!("{address}?confirm=delete"))));
    let after = browser.submit(&address, "/api/delete_job", &[("id", &job.to_string())]);
    assert_eq!(after.url().path(), "/jobs");
    assert_eq!(browser.get(&address).status(), 404);
    assert_eq!(browser.get(&format!("{address}/artifacts/demo.txt")).status(), 404);
}

#[test]
fn pinned_job_is_in_the_sidebar_of_every_page() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let id = job.to_string();
    let watched = |page: &str| between(page, "class=\"watching\"", "</section>").contains(&format!("/jobs/{job}"));
    assert!(!watched(&browser.page("/new")));
    let page = browser.submit(&format!("/jobs/{job}"), "/api/pin_job", &[("id", &id)]).text().unwrap();
    assert!(page.contains("aria-pressed=\"true\""));
    assert!(watched(&browser.page("/new")));
    browser.submit(&format!("/jobs/{job}"), "/api/unpin_job", &[("id", &id)]);
    assert!(!watched(&browser.page("/new")));
    assert_eq!(browser.post("/api/pin_job", &[("id", "999")]).status(), 404);
    let running = browser.start_long_job();
    let sidebar = browser.page("/new");
    let sidebar = between(&sidebar, "class=\"watching\"", "</section>");
    assert!(!sidebar.contains(&format!("/jobs/{running}")), "only pinned jobs: {sidebar}");
}

#[test]
fn log_is_filtered_by_query_and_lines_have_links() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("sample line at level debug") && page.contains("sample line at level info"));
    let page = browser.page(&format!("/jobs/{job}?level=info"));
    assert!(!page.contains("sample line at level debug") && page.contains("sample line at level info"));
    let page = browser.page(&format!("/jobs/{job}?text=LEVEL%20DEBUG"));
    assert!(page.contains("sample line at level debug") && !page.contains("sample line at level info"));
    assert!(browser.page(&format!("/jobs/{job}?text=nowhere")).contains("No matching lines"));
    let page = browser.page(&format!("/jobs/{job}?line=1"));
    assert!(page.contains("id=\"L1\"") && page.contains(&format!("/jobs/{job}?line=1#L1")));
}

#[test]
fn markup_in_log_filter_is_escaped() {
    let browser = Browser::new();
    let job = browser.run(&json!({ "seconds": 0 }));
    let page = browser.page(&format!("/jobs/{job}?text=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"));
    assert!(!page.contains("<script>alert(1)"));
}
