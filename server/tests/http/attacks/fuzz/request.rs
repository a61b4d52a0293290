//! Random requests: routes, server functions, their arguments and headers.

use std::{fmt::Write as _, sync::LazyLock};

use http::Method;
use url::form_urlencoded;

use super::Rng;
use crate::support::site::route_table;

/// The arguments of each server function.
const ARGUMENTS: [(&str, &[&str]); 47] = [
    ("start_job", &["kind", "input", "rerun_of", "start_at", "priority", "unique_key", "idempotency_key"]),
    ("rerun_job", &["id", "stay"]),
    ("cancel_job", &["id"]),
    ("retry_job", &["id"]),
    ("pause_job", &["id"]),
    ("resume_job", &["id"]),
    ("start_now", &["id"]),
    ("dismiss_job", &["id", "until"]),
    ("dismiss_jobs", &["until"]),
    ("delete_job", &["id", "back", "stay"]),
    ("pin_job", &["id"]),
    ("unpin_job", &["id"]),
    ("folders", &["path", "takes"]),
    ("pause_queue", &["queue"]),
    ("resume_queue", &["queue"]),
    ("limit_queue", &["queue", "at_once"]),
    ("pause_kind", &["kind"]),
    ("resume_kind", &["kind"]),
    ("limit_kind", &["kind", "at_once"]),
    ("start_demo", &[]),
    ("schedule_backup", &[]),
    ("hide_get_started", &[]),
    ("set_theme", &["theme"]),
    ("sign_in", &["name", "password", "next"]),
    ("set_up", &["link", "name", "password", "again"]),
    ("change_password", &["old", "new", "again"]),
    ("end_session", &["session"]),
    ("make_token", &["name", "read", "start", "report", "expires", "expires_on"]),
    ("revoke_token", &["id"]),
    ("set_time_zone", &["time_zone"]),
    ("set_display_name", &["display_name"]),
    ("add_user", &["name", "role"]),
    ("change_role", &["user", "role"]),
    ("rename_user", &["user", "display_name"]),
    ("reset_password", &["user"]),
    ("end_sessions_of", &["user"]),
    ("remove_user", &["user"]),
    ("revoke_token_of", &["id"]),
    ("change_kind_rule", &["kind", "start", "seen_by"]),
    ("end_other_sessions", &[]),
    ("send_message", &["to", "user", "job", "text", "tone", "key"]),
    ("add_note", &["id", "text", "key"]),
    ("pause_schedule", &["id"]),
    ("resume_schedule", &["id"]),
    ("run_schedule", &["id"]),
    ("delete_schedule", &["id", "revision"]),
    ("nothing", &["id", "kind"]),
];

/// Arguments that are mostly left out.
const OPTIONAL: [&str; 7] =
    ["rerun_of", "start_at", "priority", "unique_key", "idempotency_key", "start", "expires_on"];

/// Functions that end the right of a client by design are not called: the rest of the run would test less.
const ENDS_A_CLIENT: [&str; 3] = ["sign_out", "revoke_token", "revoke_token_of"];

/// Values that are valid nowhere in particular.
static NASTY_VALUES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let words = [
        "",
        " ",
        "0",
        "-1",
        "1",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "1e9",
        "NaN",
        "0x1",
        "1.5",
        "null",
        "true",
        "[]",
        "{}",
        "\"",
        "'",
        "\\",
        "' or '1'='1",
        "'; drop table job; --",
        "%",
        "%_",
        "*",
        "a\0b",
        "\0",
        "\r\nset-cookie: a=b",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{202e}abc",
        "\u{feff}",
        "\u{fffd}",
        "é",
        "日本語",
        "💥",
        "a\u{301}",
        "ﬀ",
        "../../etc/passwd",
        "/etc/passwd",
        "/",
        "//evil.example",
        "javascript:alert(1)",
        "<script>",
        "{{7}}",
        "${jndi:ldap://a}",
        "CON",
        "-",
        "--help",
        "0000-00-00",
        "2026-02-30",
        "9999-12-31T23:59:59Z",
        "-9999-01-01",
        "2026-11-21T12:00",
        "25:61",
        "Europe/Berlin",
        "UTC+99",
        "2.2250738585072011e-308",
        "١٢٣",
        "𝟏",
        "ada",
        "otto",
        "succeeded",
        "failed",
        "demo",
        "import-csv",
        "queued",
    ];
    let mut nasty: Vec<String> = words.map(str::to_owned).to_vec();
    nasty.extend(["x".repeat(300), "é".repeat(5_000), "[".repeat(20_000), "9".repeat(400), "a,".repeat(20_000)]);
    nasty.push(r#"{"seconds":"#.repeat(200));
    nasty
});

pub(super) struct Request {
    method: String,
    path: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Request {
    /// A GET request.
    pub(super) fn page(path: &str) -> Self {
        Self { method: "GET".to_owned(), path: path.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// A call of a server function with a form.
    pub(super) fn function(name: &str, form: &str) -> Self {
        let headers = ["content-type: application/x-www-form-urlencoded", "sec-fetch-site: same-origin"];
        let headers = headers.map(str::to_owned).to_vec();
        Self { method: "POST".to_owned(), path: format!("/api/{name}"), headers, body: form.into() }
    }

    pub(super) fn random(rng: &mut Rng) -> Self {
        loop {
            let request = if rng.percent(55) { Self::random_function(rng) } else { Self::random_route(rng) };
            if !request.ends_a_client() {
                return request;
            }
        }
    }

    fn random_function(rng: &mut Rng) -> Self {
        let (name, arguments) = *rng.choose(&ARGUMENTS);
        let mut form = form_urlencoded::Serializer::new(String::new());
        for argument in arguments {
            if rng.percent(if OPTIONAL.contains(argument) { 60 } else { 6 }) {
                continue;
            }
            form.append_pair(argument, &value(rng, argument));
            if rng.percent(4) {
                form.append_pair(argument, &value(rng, argument));
            }
        }
        if rng.percent(10) {
            form.append_pair(&nasty_value(rng), &nasty_value(rng));
        }
        let mut body = form.finish().into_bytes();
        if rng.percent(8) {
            body = damaged(rng, body);
        }
        let mut request = Self { body, ..Self::function(name, "") };
        request.headers.pop();
        request.add_odd_headers(rng);
        request
    }

    fn random_route(rng: &mut Rng) -> Self {
        let table = route_table();
        let route = rng.choose(&table);
        let mut path = String::new();
        for part in route.path.split('/').skip(1) {
            let filled = match part {
                "{id}" => value(rng, "id"),
                "{kind}" => value(rng, "kind"),
                "{name}" if rng.percent(80) => (*rng.choose(&["demo.txt", "rejected.csv", "import.csv"])).to_owned(),
                part if part.starts_with('{') => nasty_value(rng),
                part => part.to_owned(),
            };
            let _ = write!(path, "/{}", encoded(&filled));
        }
        let mut request = Self { method: route.method.to_string(), ..Self::page(&path) };
        if rng.percent(50) {
            let _ = write!(request.path, "?{}", query(rng));
        }
        if route.method == Method::POST {
            (request.headers, request.body) = random_body(rng);
        }
        request.add_odd_headers(rng);
        request
    }

    /// Sometimes adds odd methods and headers.
    fn add_odd_headers(&mut self, rng: &mut Rng) {
        if rng.percent(6) {
            let methods =
                ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW", "get"];
            self.method.replace_range(.., rng.choose::<&str>(&methods));
        }
        self.headers.push(if rng.percent(92) {
            "sec-fetch-site: same-origin".to_owned()
        } else {
            (*rng.choose(&["sec-fetch-site: cross-site", "origin: http://localhost", "origin: null", "x: y"]))
                .to_owned()
        });
        if rng.percent(45) {
            self.headers.push("accept: text/html".to_owned());
        }
        while rng.percent(20) {
            let names = [
                "range",
                "if-range",
                "if-none-match",
                "if-modified-since",
                "last-event-id",
                "referer",
                "x-forwarded-for",
                "accept-language",
                "content-type",
                "cookie",
                "x-file-name",
                "accept",
                "user-agent",
                "te",
                "upgrade",
                "content-language",
                "x-http-method-override",
                "forwarded",
            ];
            let odd = [
                "bytes=0-0",
                "bytes=5-1",
                "bytes=-1",
                "bytes=0-,1-",
                "*",
                "W/\"a\"",
                "theme=dark",
                "http://localhost/jobs",
            ];
            let text = if rng.percent(50) { (*rng.choose(&odd)).to_owned() } else { nasty_value(rng) };
            let text: String = text.chars().filter(|letter| !letter.is_control()).take(5_000).collect();
            self.headers.push(format!("{}: {text}", rng.choose(&names)));
        }
    }

    /// Whether it may end what the run needs: the rights of a client, or the privacy of the marked kind.
    fn ends_a_client(&self) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        let Some(function) = path.strip_prefix("/api/") else { return false };
        let decoded: Vec<(String, String)> = form_urlencoded::parse(&self.body).into_owned().collect();
        let has = |name: &str, good: fn(&str) -> bool| decoded.iter().any(|(key, text)| key == name && good(text));
        // The first users are the clients.
        ENDS_A_CLIENT.contains(&function)
            || has("user", |user| user.trim().parse::<i64>().is_ok_and(|user| (1..=3).contains(&user)))
            || (function == "change_kind_rule" && has("kind", |kind| kind.trim() == "import-csv"))
            || (function == "start_job" && has("kind", |kind| kind == "prune"))
    }

    /// Whether the response has no end.
    pub(super) fn is_stream(&self) -> bool {
        self.path.starts_with("/events") && !self.path.starts_with("/events/") && self.method == "GET"
    }

    fn head(&self, credential: &str) -> String {
        let Self { method, path, headers, body } = self;
        let headers = headers.iter().flat_map(|header| [header, "\r\n"]).collect::<String>();
        let length = if body.is_empty() && method == "GET" {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{credential}\r\n{headers}{length}\r\n"
        )
    }

    /// The bytes on the wire, with this credential.
    pub(super) fn bytes(&self, credential: &str) -> Vec<u8> {
        [self.head(credential).as_bytes(), &self.body].concat()
    }

    /// The start of the request, for a message.
    pub(super) fn preview(&self, credential: &str) -> String {
        let body: String = String::from_utf8_lossy(&self.body).chars().take(1_000).collect();
        let head: String = self.head(credential).chars().take(3_000).collect();
        format!("{head}{body}")
    }
}

fn nasty_value(rng: &mut Rng) -> String {
    rng.choose(&NASTY_VALUES).clone()
}

/// A value of an argument: mostly a valid one.
fn value(rng: &mut Rng, argument: &str) -> String {
    if rng.percent(12) {
        return nasty_value(rng);
    }
    let fitting: &[&str] = match argument {
        // The private jobs are the first of each user.
        "id" | "rerun_of" | "job" | "row" | "from" => {
            let most = if rng.percent(85) { 14 } else { 200 };
            return (1 + rng.below(most)).to_string();
        }
        "user" => return (1 + rng.below(9)).to_string(),
        "kind" => &["demo", "import-csv", "checksum", "check-links", "backup"],
        "input" | "entries" => &[
            r#"{"seconds":0}"#,
            r#"{"seconds":1,"ending":"warn"}"#,
            r#"{"seconds":0,"ending":"fail"}"#,
            r#"{"seconds":"0"}"#,
            r#"{"urls":"http://127.0.0.1:1/"}"#,
            r#"{"folder":"/"}"#,
            r#"{"file":"x","table":"t"}"#,
            "{}",
        ],
        "start_at" => &["2031-01-01T00:00:00Z", "2031-01-01T00:00"],
        "priority" => &["0", "9", "-9"],
        "unique_key" | "idempotency_key" => &["a", "b", "zqmark"],
        "queue" => &["default", "disk", "network", "upkeep"],
        "at_once" => &["", "1", "10000"],
        "theme" => &["dark", "light", "system"],
        "name" => &["ada", "otto", "vera", "eve", "new1", "new2", "new3"],
        "role" | "start" => &["viewer", "operator", "administrator", ""],
        "seen_by" => &["everybody", "starter", ""],
        "time_zone" => &["Europe/Berlin", "Asia/Shanghai", ""],
        "read" | "report" => &["on"],
        "expires" => &["30", "90", "365", "never"],
        "expires_on" => &["", "2031-01-01"],
        "old" | "new" | "again" | "password" => &["a", "seven blue otters", "correct horse battery"],
        "next" => &["/", "/jobs", "/jobs?state=failed"],
        "session" => &["0123456789abcdef"],
        "path" => &["", "/", "files"],
        _ => return nasty_value(rng),
    };
    (*rng.choose(fitting)).to_owned()
}

fn query(rng: &mut Rng) -> String {
    const NAMES: [&str; 20] = [
        "state", "kind", "text", "q", "starter", "before", "after", "topic", "job", "row", "until", "from", "next",
        "link", "who", "what", "to", "page", "sort", "name",
    ];
    let mut query = form_urlencoded::Serializer::new(String::new());
    for _ in 0..=rng.below(4) {
        let name = *rng.choose(&NAMES);
        let text = match name {
            "topic" if rng.percent(80) => (*rng.choose(&["jobs", "overview", "messages"])).to_owned(),
            "state" if rng.percent(50) => (*rng.choose(&["failed", "succeeded", "running"])).to_owned(),
            "text" if rng.percent(50) => "zq".to_owned(),
            "after" if rng.percent(50) => format!("a.{}", rng.below(100)),
            "until" if rng.percent(50) => "end".to_owned(),
            name => value(rng, name),
        };
        query.append_pair(name, &text);
    }
    let mut query = query.finish();
    if rng.percent(5) {
        query += *rng.choose::<&str>(&["&%", "&=", "&&&", "&%zz=%", "&a", "#b"]);
    }
    query
}

/// Headers and body of a POST request.
fn random_body(rng: &mut Rng) -> (Vec<String>, Vec<u8>) {
    let kinds = [
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data; boundary=b",
        "multipart/form-data",
        "text/plain",
        "application/octet-stream",
        "text/csv",
        "application/x-www-form-urlencoded; charset=utf-16",
        "a",
        "",
    ];
    let bodies = [
        "seconds=0",
        "table=t&file=x",
        "$browse=folder",
        r#"{"add":["job=1","row=2","jobs"]}"#,
        r#"{"add":["job=x"]}"#,
        "{}",
        "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\na,b\n1,2\r\n--b--\r\n",
        "--b\r\ncontent-disposition: form-data; name=\"seconds\"\r\n\r\n0\r\n--b--\r\n",
        "--b\r\ncontent-disposition: form-data\r\n\r\n\r\n--b",
        "--b--",
        "--b\r\n\r\n",
        "a,b\n1,2\n",
        "",
    ];
    let mut body = rng.choose(&bodies).as_bytes().to_vec();
    if rng.percent(20) {
        body = nasty_value(rng).into_bytes();
    }
    if rng.percent(10) {
        body = damaged(rng, body);
    }
    (vec![format!("content-type: {}", rng.choose(&kinds))], body)
}

/// Replaces some bytes by random ones.
fn damaged(rng: &mut Rng, mut body: Vec<u8>) -> Vec<u8> {
    body.push(b'&');
    for _ in 0..=rng.below(4) {
        let at = rng.below(body.len());
        body[at] = rng.below(256) as u8;
    }
    body
}

/// Encodes a text as a segment of a path.
fn encoded(text: &str) -> String {
    let short: String = text.chars().take(2_000).collect();
    form_urlencoded::byte_serialize(short.as_bytes()).collect::<String>().replace('+', "%20")
}
