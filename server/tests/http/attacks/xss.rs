//! XSS: markup and scripts in every text that users, programs and files can write.

use std::{collections::BTreeMap, fs, path::Path};

use reqwest::{
    Method,
    blocking::{Response, multipart},
    header::{ACCEPT, CONTENT_TYPE, COOKIE, REFERER, USER_AGENT},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    accounts::{ADA, PASSWORD, ServerWithAccounts, UserClient, make_token, redirect_target},
    html_elements::{Element, elements},
    site::route_table,
};

/// Texts that are written everywhere. Where one becomes markup, an element `xss-7` or an attribute `onxss` appears.
/// Short enough to fit into a name.
const TEXTS: [&str; 3] = [
    "\"'><script>alert(7)</script><xss-7 onxss=alert(7)>",
    "javascript:alert(7)//'-alert(7)-'\" onxss=\"",
    "</script></title></textarea>--><xss-7 onxss=alert(7)>&lt;xss-7&gt;",
];

/// One for each element whose content Leptos writes unescaped, and one that closes them all.
const RAW_TEXTS: [&str; 5] = [
    "</textarea></form><form action=/api/change_role onxss=alert(7)><input name=user value=2>",
    "</title><meta http-equiv=refresh content=0;url=//evil.example/><xss-7 onxss=alert(7)>",
    "</noscript></style><xss-7 onxss=alert(7)>",
    "</TEXTAREA\n></TITLE\n><xss-7 onxss=alert(7)>",
    "\n&lt;/textarea>&</textarea><xss-7 onxss=alert(7)>",
];

/// A configured command with a multi-line parameter.
const COMMAND: &str = r#"
[command.greet]
title = "Greet {{name}}"
argv = ["echo", "{{name}}"]
[command.greet.parameters]
name = { type = "string", multiline = true }
"#;

/// Asserts that no element or attribute of a page was injected.
fn assert_no_injection(path: &str, html: &str) {
    for Element { name, attributes, text } in elements(html) {
        assert!(!name.starts_with("xss"), "{path}: an element <{name}> {attributes:?}");
        for (attribute, value) in &attributes {
            let plain = attribute.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte));
            assert!(plain && !attribute.starts_with("on"), "{path}: <{name} {attribute}={value:?}>");
            if ["href", "src", "action", "formaction", "data", "poster", "srcset", "xlink:href"].contains(&&**attribute)
            {
                let scheme: String = value.chars().filter(|letter| !letter.is_whitespace()).take(11).collect();
                let scheme = scheme.to_lowercase();
                assert!(!scheme.starts_with("javascript:") && !scheme.starts_with("vbscript:"), "{path}: {value}");
                let elsewhere = value.starts_with("//") || value.contains("://");
                assert!(!elsewhere || name == "a", "{path}: <{name} {attribute}={value:?}>");
            }
        }
        if name == "script" {
            assert!(
                attributes.contains_key("nonce") || attributes.contains_key("src"),
                "{path}: {attributes:?} {text}"
            );
            assert!(!text.contains("<xss") && !text.contains("<script"), "{path}: {text}");
        }
        assert!(!["iframe", "object", "embed", "base", "applet"].contains(&&*name), "{path}: <{name}>");
        let refreshes = attributes.get("http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh"));
        assert!(!refreshes || attributes.get("content").is_some_and(|value| value == "5"), "{path}: {attributes:?}");
    }
}

/// [`assert_no_injection`] for a response; other types than HTML must be marked so that no browser sniffs them.
fn check_response(path: &str, response: Response) {
    let kind = response.headers().get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap()).to_owned();
    if kind.contains("html") {
        assert_no_injection(path, &response.text().unwrap());
    } else {
        let plain = ["", "application/json", "application/problem+json", "text/plain; charset=utf-8"];
        assert!(plain.contains(&&*kind), "{path}: {kind}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
    }
}

/// A server with [`TEXTS`] in everything that users and tasks write.
struct Fixture {
    server: ServerWithAccounts,
    ada: UserClient,
    _root: TempDir,
    jobs: Vec<i64>,
}

fn start(ada: &UserClient, kind: &str, input: &Value) -> i64 {
    let started = ada.call("start_job", &[("kind", kind), ("input", &input.to_string())]);
    assert_eq!(started.status(), 200, "{kind} {input}");
    let job = started.json().unwrap();
    ada.wait(job);
    job
}

fn upload(ada: &UserClient, name: &str, text: String) -> String {
    let request = ada.request(Method::POST, "/uploads");
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let sent = ada.send(request.header("x-file-name", encoded.replace('+', "%20")).body(text));
    sent.error_for_status().unwrap().json::<Value>().unwrap()["upload"].as_str().unwrap().to_owned()
}

fn fixture() -> Fixture {
    let root = TempDir::new().unwrap();
    let (server, link) = ServerWithAccounts::new(&["--root", root.path().to_str().unwrap()]);
    let ada = server.new_client();
    ada.redeem_link(&link, ADA);
    let mut jobs = Vec::new();
    for (number, text) in TEXTS.iter().enumerate() {
        let name = text.replace('/', "∕");
        let folder = root.path().join(&name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(&name), "x").unwrap();
        jobs.push(start(&ada, "checksum", &json!({ "folder": folder })));
        let cell = text.replace('"', "\"\"");
        let file = upload(&ada, text, format!("\"{cell}\",b\n\"{cell}\",1\n{text}\n\"{cell}\"x,2\n1,2,\"{cell}\"\n"));
        let table = format!("t{number}");
        jobs.push(start(&ada, "import-csv", &json!({ "file": file, "table": table, "on_error": "skip" })));
        jobs.push(start(&ada, "import-csv", &json!({ "file": file, "table": table, "index": text })));
        let list = upload(&ada, text, format!("url\nhttp://127.0.0.1:1/{text}\n{text}\nhttp://{text}\n"));
        jobs.push(start(&ada, "check-links", &json!({ "file": list })));
        make_token(&ada, text, &["read"]);
        server.new_client().call("sign_in", &[("name", text), ("password", text)]);
        let client = server.new_client();
        let request = client.request(Method::POST, "/api/sign_in").header(USER_AGENT, *text);
        let signed_in = client.send(request.form(&[("name", ADA), ("password", PASSWORD)]));
        assert!(matches!(signed_in.status().as_u16(), 200 | 429));
        ada.call("start_job", &[("kind", "demo"), ("input", "{}"), ("unique_key", text), ("idempotency_key", text)]);
    }
    Fixture { server, ada, _root: root, jobs }
}

#[test]
fn user_and_task_text_is_escaped_and_files_are_attachments() {
    let Fixture { server, ada, jobs, .. } = &fixture();
    let (vera, otto) = (server.add_user(ada, "vera", "viewer"), server.add_user(ada, "otto", "operator"));
    let pages = ["/", "/jobs", "/queues", "/new", "/settings", "/settings/users", "/settings/tasks", "/settings/audit"];
    let mut pages: Vec<String> = pages.map(str::to_owned).to_vec();
    pages.extend(jobs.iter().map(|job| format!("/jobs/{job}")));
    pages.extend(
        jobs.iter().map(|job| format!("/new/{}?from={job}", if job % 4 == 1 { "checksum" } else { "import-csv" })),
    );
    for text in TEXTS {
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for query in [
            "/jobs?text=",
            "/jobs?state=",
            "/jobs?kind=",
            "/jobs?starter=",
            "/jobs?before=",
            "/jobs?a=",
            "/new/demo?from=",
            "/new/demo?seconds=",
            "/new/",
            "/settings/audit?who=",
            "/settings/audit?what=",
            "/settings/audit?from=",
            "/settings?a=",
            "/",
            "/jobs/",
            "/setup?link=",
            "/sign-in?next=/",
            "/sign-in?next=",
            "/queues?a=",
        ] {
            pages.push(format!("{query}{text}"));
        }
    }
    for user in [ada, &otto, &vera, &server.new_client()] {
        for path in &pages {
            let response = user.get(path);
            assert!(response.status().as_u16() < 500, "{path}: {}", response.status());
            check_response(path, response);
        }
    }
    // They are present as text.
    for (path, times) in [("/jobs", 6), ("/settings", 3), ("/settings/audit", 3), ("/new/checksum?from=1", 1)] {
        let seen = ada.page(path).matches("alert(7)").count();
        assert!(seen >= times, "{path}: {seen}");
    }
    assert_files_are_attachments(ada, jobs);
}

#[test]
fn texts_of_reporters_are_escaped() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let token = make_token(&ada, "cron", &["report"]);
    let mut jobs = Vec::new();
    for (number, text) in TEXTS.iter().chain(&RAW_TEXTS).enumerate() {
        let start = json!({ "type": "start", "title": text, "host": text, "program": text, "agent": text, "user": text,
            "stages": [text.chars().take(60).collect::<String>(), "Two"] });
        let mark: String = text.chars().take(8).collect();
        let entries = json!([start,
            { "type": "progress", "stage": 0, "value": 1, "max": 3, "unit": mark, "message": text, "data": { *text: text } },
            { "type": "log", "lines": [[0, "warn", text], [0, "error", text]] }]);
        let finish = json!({ "type": "finish", "state": "failed", "message": text, "result": { *text: text } });
        for (run, entries) in [("running", entries.clone()), ("ended", add(entries, finish))] {
            let client = server.new_client();
            let path = format!("/api/v1/report/attack/{run}-{number}");
            let batch = json!({ "reporter": "r", "seq": 1, "entries": entries });
            let request =
                client.request(Method::POST, &path).bearer_auth(&token).header(CONTENT_TYPE, "application/json");
            let status: Value =
                client.send(request.body(batch.to_string())).error_for_status().unwrap().json().unwrap();
            jobs.push(status["job"].as_i64().unwrap());
        }
    }
    let pages = ["/", "/jobs"].map(str::to_owned).into_iter().chain(jobs.iter().map(|job| format!("/jobs/{job}")));
    for path in pages {
        assert_no_injection(&path, &ada.page(&path));
    }
    assert!(ada.page("/jobs").matches("alert(7)").count() > TEXTS.len());
}

fn add(mut entries: Value, entry: Value) -> Value {
    entries.as_array_mut().unwrap().push(entry);
    entries
}

/// Starts a job of each kind with this text in every string of its input; returns the pages that show it.
fn start_everywhere(ada: &UserClient, root: &Path, text: &str) -> Vec<String> {
    let folder = root.join(text.trim_start());
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.csv"), "a,b\n1,2\n").unwrap();
    let file = upload(ada, text, format!("{text}\n"));
    let inputs = [
        ("sql-export", json!({ "query": text })),
        ("sql-export", json!({ "query": format!("select 1 /* {text} */") })),
        ("check-links", json!({ "urls": text })),
        ("check-links", json!({ "urls": format!("http://127.0.0.1:9/{text}") })),
        ("check-links", json!({ "file": file })),
        ("checksum", json!({ "folder": folder })),
        ("archive", json!({ "folder": folder })),
        ("resize-images", json!({ "folder": folder })),
        ("resize-images", json!({ "file": file })),
        ("unpack", json!({ "file": file })),
        ("import-csv", json!({ "file": file, "table": "t", "index": text })),
        ("greet", json!({ "name": text })),
    ];
    let mut pages = Vec::new();
    for (kind, input) in inputs {
        let started = ada.call("start_job", &[("kind", kind), ("input", &input.to_string())]);
        if started.status() == 200 {
            let job: i64 = started.json().unwrap();
            ada.wait(job);
            let note = ada.call("add_note", &[("id", &job.to_string()), ("text", text)]);
            assert_eq!(note.status(), 200, "{}", note.text().unwrap());
            let at = [format!("/jobs/{job}"), format!("/new/{kind}?from={job}")];
            pages.extend(at.into_iter().chain([format!("/schedules/new?kind={kind}&from={job}")]));
        } else {
            assert_eq!(started.status(), 422, "{kind} {input}");
        }
    }
    pages
}

/// Creates a schedule of `kind` with this text in its name and input; returns the path of its page.
fn create_schedule(ada: &UserClient, kind: &str, field: &str, text: &str) -> String {
    let name: String = text.trim().replace('\n', " ").chars().take(80).collect();
    let form = [("$name", &*name), ("$expression", "0 2 1 1 *"), ("$zone", "Europe/Prague"), ("$overlap", "queue")];
    let form = [&form[..], &[("$missed", "skip"), ("$most", "1"), ("$priority", ""), (field, text)]].concat();
    let planned = ada.post(&format!("/schedules/new?kind={kind}"), &form);
    assert_eq!(planned.status(), 303, "{kind} {name}");
    redirect_target(&planned)
}

#[test]
fn text_in_raw_text_elements_is_escaped() {
    let root = TempDir::new().unwrap();
    let commands = root.path().join("milepost.toml");
    fs::write(&commands, COMMAND).unwrap();
    let arguments = ["--root", root.path().to_str().unwrap(), "--config", commands.to_str().unwrap()];
    let (server, link) = ServerWithAccounts::new(&arguments);
    let ada = server.new_client();
    ada.redeem_link(&link, ADA);
    let mut pages: Vec<String> = ["/", "/jobs", "/messages", "/schedules", "/queues"].map(str::to_owned).to_vec();
    for text in RAW_TEXTS {
        pages.extend(start_everywhere(&ada, root.path(), text));
        for (kind, field) in [("sql-export", "query"), ("check-links", "urls"), ("greet", "name")] {
            let schedule = create_schedule(&ada, kind, field, text);
            ada.call("run_schedule", &[("id", schedule.rsplit('/').next().unwrap())]);
            pages.extend([format!("{schedule}/edit"), schedule]);
        }
        for to in [("to", "everyone"), ("user", ADA)] {
            let to = if to.0 == "user" { vec![("to", "user"), to] } else { vec![to] };
            let sent = ada.call("send_message", &[&to[..], &[("text", text), ("tone", "info")]].concat());
            assert_eq!(sent.status(), 200, "{}", sent.text().unwrap());
        }
        let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let queries = ["/messages?text=", "/messages?to=user&user=", "/messages?job=", "/new/sql-export?query="];
        let drafts = ["/new/check-links?urls=", "/new/greet?name=", "/schedules/new?kind=greet&name="];
        pages.extend(queries.iter().chain(&drafts).map(|page| format!("{page}{text}")));
        pages.push(format!("/schedules/new?kind=greet&$name={text}"));
    }
    assert!(pages.len() > 100, "{pages:?}");
    for page in &pages {
        assert_no_injection(page, &ada.page(page));
    }
    let form = elements(&ada.page("/messages?to=user&user=vera&text=Approve"));
    let areas: Vec<&Element> = form.iter().filter(|element| element.name == "textarea").collect();
    assert!(areas.len() == 1 && areas[0].text.trim().is_empty(), "a message is not filled from the address: {areas:?}");
}

/// Display names of at most 60 characters, the longest allowed.
const NAMES: [&str; 4] = [TEXTS[0], TEXTS[1], "</title></textarea>--><xss-7 onxss=alert(7)>&lt;xss&gt;", RAW_TEXTS[2]];

#[test]
fn display_name_is_escaped_wherever_it_is_shown() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mei = server.add_user(&ada, "mei", "administrator");
    let job = mei.start(r#"{"seconds":600}"#);
    let note = mei.call("add_note", &[("id", &job.to_string()), ("text", "a")]);
    assert_eq!(note.status(), 200);
    for (from, to) in [(&mei, ADA), (&ada, "mei")] {
        let sent = from.call("send_message", &[("to", "user"), ("user", to), ("text", "a"), ("tone", "info")]);
        assert_eq!(sent.status(), 200);
    }
    make_token(&mei, "ci", &["read"]);
    let schedule = create_schedule(&mei, "demo", "seconds", "0");
    let id = schedule.rsplit('/').next().unwrap();
    for (function, form) in [
        ("run_schedule", [("id", id)]),
        ("pause_schedule", [("id", id)]),
        ("pause_queue", [("queue", "default")]),
        ("cancel_job", [("id", &*job.to_string())]),
    ] {
        assert_eq!(mei.call(function, &form).status(), 200, "{function}");
    }
    let (job, waiting) = (format!("/jobs/{job}"), format!("/jobs/{}", ada.start("{}")));
    let user = ada.user_id("mei");
    let (rename, remove) = (format!("/settings/users?rename={user}"), format!("/settings/users?remove={user}"));
    let edit = format!("{schedule}/edit");
    for name in NAMES {
        assert_eq!(mei.call("set_display_name", &[("display_name", name)]).status(), 200, "{name}");
        for page in [
            "/",
            "/queues",
            "/messages",
            "/schedules",
            &schedule,
            &edit,
            &job,
            &waiting,
            "/settings/audit",
            &rename,
            &remove,
        ] {
            let html = ada.page(page);
            assert_no_injection(page, &html);
            assert!(html.contains("alert(7)"), "{page} shows it: {html}");
        }
        assert_no_injection("/settings", &mei.page("/settings"));
        // The message of the form.
        let form = [("user", &*user.to_string()), ("display_name", name)];
        let renamed = ada.page(&redirect_target(&ada.submit("rename_user", &form)));
        assert_no_injection("rename_user", &renamed);
        assert!(renamed.contains("mei is now shown as "), "{renamed}");
    }
    // What is too long comes back in the form.
    for text in RAW_TEXTS {
        let refused = ada.submit("rename_user", &[("user", &*user.to_string()), ("display_name", &text.repeat(2))]);
        assert_eq!(refused.status(), 422);
        assert_no_injection("rename_user", &refused.text().unwrap());
    }
}

#[test]
fn text_area_round_trips_text_exactly() {
    let (_server, ada) = ServerWithAccounts::with_admin();
    for text in ["\n\n  a < b && c > d &amp; &lt;\n", "</textarea>", "</TextArea >", "\ttab & \"quote\""] {
        let input = json!({ "query": format!("select 1; {text}") }).to_string();
        let job: i64 = ada.call("start_job", &[("kind", "sql-export"), ("input", &input)]).json().unwrap();
        let page = ada.page(&format!("/new/sql-export?from={job}"));
        let area = elements(&page).into_iter().find(|element| element.name == "textarea").unwrap();
        let shown = area.text.strip_prefix('\n').unwrap().replace("&lt;", "<").replace("&amp;", "&");
        assert_eq!(shown, format!("select 1; {text}"));
    }
}

#[test]
fn reflected_form_values_are_escaped() {
    let (server, ada) = ServerWithAccounts::with_admin();
    for text in TEXTS.into_iter().chain(RAW_TEXTS) {
        for form in [
            vec![("name", text), ("password", text), ("next", text), ("role", text)],
            vec![
                ("old", text),
                ("new", text),
                ("again", "b"),
                ("time_zone", text),
                ("expires_on", text),
                ("expires", text),
            ],
            vec![("display_name", text)],
            vec![("id", text), ("user", text), ("kind", text), ("start", text), ("seen_by", text), ("queue", text)],
            vec![
                ("queue", "default"),
                ("kind", "demo"),
                ("at_once", text),
                ("link", text),
                ("path", text),
                ("theme", text),
            ],
            vec![("name", text), ("read", "on"), ("expires", "30"), ("input", text), ("entries", text)],
            vec![("to", "user"), ("user", text), ("text", text), ("tone", text), ("job", text), ("id", "1")],
        ] {
            for user in [&ada, &server.new_client()] {
                for route in route_table().iter().filter(|route| route.path.starts_with("/api/")) {
                    if ["/api/sign_out", "/api/{*function}"].contains(&&*route.path) {
                        continue;
                    }
                    let request = user.request(Method::POST, &route.path).header(ACCEPT, "text/html").form(&form);
                    let referrer = text.replace('\n', " ");
                    let request =
                        request.header(REFERER, format!("http://{}/jobs?text={referrer}", server.process.addr));
                    let response = user.send(request);
                    assert!(response.status().as_u16() < 500, "{} {form:?}: {}", route.path, response.status());
                    let location = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
                    assert!(location.is_none_or(|to| to.starts_with('/') && !to.starts_with("//")), "{}", route.path);
                    check_response(&route.path, response);
                }
            }
            // The flash message of the next page.
            assert_no_injection("/jobs", &ada.page("/jobs"));
        }
        let parts = multipart::Form::new()
            .text("table", text)
            .text("index", text)
            .text(text, text)
            .part("file", multipart::Part::text(text).file_name(text));
        let response =
            ada.send(ada.request(Method::POST, "/new/import-csv").header(ACCEPT, "text/html").multipart(parts));
        assert!(response.status().as_u16() < 500);
        assert_no_injection("/new/import-csv", &response.text().unwrap());
        let theme = text.replace('\n', " ");
        let cookies = format!("theme={theme}; milepost_session={}; a={theme}", ada.session_cookie().unwrap());
        let request =
            server.new_client().request(Method::GET, "/jobs").header(ACCEPT, "text/html").header(COOKIE, cookies);
        assert_no_injection("/jobs", &ada.send(request).text().unwrap());
    }
}

/// Asserts that no file and no API response is ever shown as a page.
fn assert_files_are_attachments(ada: &UserClient, jobs: &[i64]) {
    let mut files: Vec<(String, bool)> = vec![("/settings/audit.csv".to_owned(), true)];
    for job in jobs {
        files.extend(["input", "log"].map(|file| (format!("/jobs/{job}/{file}"), true)));
        let page = ada.page(&format!("/jobs/{job}"));
        let links = elements(&page).into_iter().filter_map(|element| element.attributes.get("href").cloned());
        files.extend(links.filter(|link| link.contains("/artifacts/")).map(|link| (link, true)));
    }
    assert!(files.len() > jobs.len() + 8, "{files:?}");
    files.extend(["/healthz", "/events/poll?a=<script>", "/icons.svg"].map(|path| (path.to_owned(), false)));
    for (path, attached) in files {
        let response = ada.send(ada.request(Method::GET, &path));
        let headers: BTreeMap<_, _> =
            response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(headers["content-security-policy"].starts_with("default-src 'none'"), "{path}: {headers:?}");
        if attached {
            assert_eq!(response.status(), 200, "{path}");
            assert!(headers["content-disposition"].starts_with("attachment; "), "{path}: {headers:?}");
            assert!(!headers["content-type"].contains("html") && !headers["content-type"].contains("svg"), "{path}");
        }
    }
}
