//! Snapshots of pages, stored beside this file. Accept an intended change with `cargo insta accept`, or run the tests with
//! `INSTA_UPDATE=always`.

use insta::{Settings, assert_snapshot};
use reqwest::blocking::Client;

use crate::support::process::{ServerProcess, without_markers};

/// Parts that differ between runs, as regular expressions, and their replacements.
const REDACTIONS: [(&str, &str); 18] = [
    (r"/pkg(-[0-9a-f]{12})?/", "/pkg-BUILD/"),
    (r#"data-build="[^"]*""#, r#"data-build="BUILD""#),
    (r#"data-cursor="[^"]*""#, r#"data-cursor="CURSOR""#),
    (r#"(nonce|crossorigin)="[^"]*""#, r#"$1="NONCE""#),
    (r"(?s)<script.*?</script>", "<script>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "INSTANT"),
    (r"\b1\d{15}\b", "MICROS"),
    (r#"title="\w{3}, \d{1,2} \w{3} \d{4}, [^"]*""#, r#"title="DATE""#),
    (r"\d\d:\d\d:\d\d", "CLOCK"),
    (r"just now|\d+ s ago", "AGO"),
    (r"(&lt; )?(less than 0\.1 s|less than a second|\b\d+(\.\d)? s\b)", "SPAN"),
    (r"Stopped at once", "Stopped after SPAN"),
    (r"&quot;rate&quot;:[\d.]+", "&quot;rate&quot;:RATE"),
    (r"<code>/[^<]*?(/files)?</code>", "<code>/DATA$1</code>"),
    (r"<code>[0-9a-f]{12}</code>", "<code>BUILD</code>"),
    (r"PID \d+", "PID"),
    (r"(?s)(<dt>(Used|Free on disk)</dt>.<dd>)[^<]*", "${1}SIZE"),
    (r#"data-component="(\w+?)_\d+""#, r#"data-component="$1""#),
];

/// Compares a page with the snapshot `name`.
fn compare(server: &ServerProcess, name: &str, path: &str) {
    let response = Client::new().get(server.url(path)).header("accept", "text/html").send().unwrap();
    let status = response.status().as_u16();
    // One element per line, so that a difference is easy to find.
    let html = without_markers(&response.text().unwrap()).replace("><", ">\n<");
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (pattern, fixed) in REDACTIONS {
        settings.add_filter(pattern, fixed);
    }
    settings.bind(|| assert_snapshot!(name, format!("{status} {path}\n{html}")));
}

fn start(server: &ServerProcess, kind: &str, input: &str) {
    let response = Client::new().post(server.url("/api/start_job")).form(&[("kind", kind), ("input", input)]).send();
    let job: u64 = response.unwrap().error_for_status().unwrap().json().unwrap();
    // Waits until it has ended.
    reqwest::blocking::get(server.url(&format!("/events?job={job}&until=end"))).unwrap().text().unwrap();
}

#[test]
fn pages_without_jobs_match_snapshots() {
    let (server, _data) = ServerProcess::start();
    compare(&server, "overview-empty", "/");
    compare(&server, "jobs-empty", "/jobs");
    compare(&server, "jobs-wrong-query", "/jobs?state=lost&since=ever");
    compare(&server, "queues", "/queues");
    compare(&server, "about", "/about");
    compare(&server, "schedules-empty", "/schedules");
    compare(&server, "new", "/new");
    compare(&server, "no-such-job", "/jobs/1");
    for kind in ["demo", "checksum", "import-csv", "check-links"] {
        compare(&server, &format!("new-{kind}"), &format!("/new/{kind}"));
    }
}

#[test]
fn pages_of_jobs_match_snapshots() {
    let (server, _data) = ServerProcess::start();
    start(&server, "demo", r#"{"seconds":0}"#);
    start(&server, "demo", r#"{"seconds":0,"ending":"fail"}"#);
    compare(&server, "job-succeeded", "/jobs/1");
    compare(&server, "job-failed", "/jobs/2");
    compare(&server, "job-delete", "/jobs/2?confirm=delete");
    compare(&server, "job-log-filtered", "/jobs/1?level=warn&text=nothing");
    compare(&server, "jobs", "/jobs");
    compare(&server, "jobs-failed", "/jobs?state=failed");
    compare(&server, "new-demo-again", "/new/demo?from=2");
}
