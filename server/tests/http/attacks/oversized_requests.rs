//! Oversized requests: heads, bodies, forms and uploads beyond the limits.

use std::time::Instant;

use reqwest::{
    Method,
    blocking::{Body, RequestBuilder, multipart},
};
use serde_json::Value;

use crate::support::{
    accounts::{PASSWORD, ServerWithAccounts, UserClient},
    process::TIMEOUT,
    raw_http::{send_bytes, status_of},
};

const MIB: usize = 1 << 20;

/// The status of the response; 0 where the server closed the connection before the request was sent, which is accepted.
fn send_status(server: &ServerWithAccounts, request: RequestBuilder) -> u16 {
    let started_at = Instant::now();
    let sent = request.send().map_or(0, |response| response.status().as_u16());
    assert!(started_at.elapsed() < TIMEOUT);
    assert_eq!(server.process.status(&["GET /healthz HTTP/1.1", "host: localhost"]), 200);
    sent
}

#[test]
fn oversized_request_head_is_rejected() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let cookie = format!("cookie: milepost_session={}\r\n", ada.session_cookie().unwrap());
    let ask = |line: &str, headers: &str| {
        let head = format!("{line}\r\nhost: localhost\r\nconnection: close\r\n{cookie}{headers}\r\n");
        status_of(&send_bytes(&server.process, head.as_bytes()))
    };
    let long = "a".repeat(60_000);
    let longer = "a".repeat(200_000);
    for path in ["/jobs?text=", "/", "/jobs/1/artifacts/", "/events?job=", "/settings/audit?who=", "/sign-in?next=/"] {
        let at_length = ask(&format!("GET {path}{long} HTTP/1.1"), "");
        assert!(matches!(at_length, 200..=499), "{path}: {at_length}");
        assert!(matches!(ask(&format!("GET {path}{longer} HTTP/1.1"), ""), 414 | 431), "{path}");
    }
    assert!(matches!(ask("GET /jobs HTTP/1.1", &format!("x: {longer}\r\n")), 431));
    assert!(matches!(ask("GET /jobs HTTP/1.1", &"x: y\r\n".repeat(5_000)), 431));
    assert!(matches!(ask("GET /jobs HTTP/1.1", &"x: y\r\n".repeat(90)), 200));
    // As many cookies as fit into the head.
    let cookies = format!("cookie: {}\r\n", "milepost_session=a; ".repeat(2_500));
    assert!(matches!(ask("GET /jobs HTTP/1.1", &cookies), 200 | 303 | 401));
    assert!(matches!(ask("GET /jobs HTTP/1.1", &format!("cookie: a={long}\r\n")), 200));
    for query in ["state=failed&", "a=b&", "kind=demo&", "&"] {
        let many = ask(&format!("GET /jobs?{} HTTP/1.1", query.repeat(55_000 / query.len())), "");
        assert!(matches!(many, 200 | 400), "{query}: {many}");
    }
    let jobs = "job=1&".repeat(9_000);
    assert!(matches!(ask(&format!("GET /events/poll?{jobs} HTTP/1.1"), ""), 200));
    let jobs = (0..5_000).map(|job| format!("job={job}")).collect::<Vec<_>>().join("&");
    assert!(matches!(ask(&format!("GET /events?{jobs} HTTP/1.1"), ""), 400));
}

#[test]
fn oversized_body_is_rejected_without_harm() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let post = |path: &str| ada.request(Method::POST, path);
    let form = |path: &str| post(path).header("content-type", "application/x-www-form-urlencoded");
    let huge = "x".repeat(60 * MIB);
    for path in ["/api/start_job", "/api/cancel_job", "/api/sign_in", "/api/set_up", "/api/add_user", "/new/demo"] {
        let sent = send_status(&server, form(path).body(format!("kind=demo&name=a&password={huge}")));
        assert!(matches!(sent, 0 | 413), "{path}: {sent}");
    }
    for path in ["/api/sign_in", "/api/set_up"] {
        let sent = send_status(&server, form(path).body("x".repeat(MIB)));
        assert!(matches!(sent, 0 | 413), "{path}: {sent}");
    }
    for body in ["[".repeat(60_000), r#"{"add":["#.to_owned() + &r#""job=1","#.repeat(7_000), "1".repeat(64_000)] {
        assert_eq!(send_status(&server, post("/events/0").body(body)), 400);
    }
    let add: Vec<String> = (0..5_000).map(|job| format!("\"job={job}\"")).collect();
    assert_eq!(send_status(&server, post("/events/0").body(format!(r#"{{"add":[{}]}}"#, add.join(",")))), 400);
    assert_eq!(send_status(&server, post("/events/0").body("x".repeat(65 * 1024))), 413);
    // Deep and wide JSON.
    let deep = "[".repeat(5 * MIB);
    let wide = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(500_000));
    for input in [deep.as_str(), wide.as_str(), "1e999999", "{\"seconds\":1e400}", "{\"seconds\":-9e99}"] {
        let body = form_of(&[("kind", "demo"), ("input", input)]);
        let sent = send_status(&server, form("/api/start_job").body(body));
        assert!(matches!(sent, 400 | 413 | 422), "{}: {sent}", &input[..input.len().min(20)]);
    }
    let many = send_status(&server, form("/api/start_job").body("a=b&".repeat(2_000_000)));
    assert!(matches!(many, 400 | 413), "{many}");
    let many = send_status(&server, form("/new/demo").body("seconds=1&".repeat(200_000)));
    assert!(matches!(many, 413 | 422), "{many}");
    assert_eq!(server.new_client().call("sign_in", &[("name", "ada"), ("password", PASSWORD)]).status(), 200);
}

#[test]
fn response_to_unread_body_closes_the_connection() {
    const FORM: &str = "host: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    const NEXT: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let (server, _ada) = ServerWithAccounts::with_admin();
    let post = |path: &str, rest: &str| {
        let responses = send_bytes(&server.process, format!("POST {path} HTTP/1.1\r\n{FORM}{rest}{NEXT}").as_bytes());
        let (first, others) = responses.split_once("\r\n\r\n").unwrap();
        (status_of(first), first.contains("connection: close"), others.contains("HTTP/1.1 200"))
    };
    let whole = "content-length: 8\r\n\r\nname=ada";
    let chunked = "transfer-encoding: chunked\r\n\r\n8\r\nname=ada\r\n0\r\n\r\n";
    for read in [whole, chunked] {
        let (status, ends, goes_on) = post("/api/sign_in", read);
        assert!(!ends && goes_on, "{status}");
    }
    let long = "content-length: 1000\r\n\r\nname=ada";
    assert_eq!(post("/uploads", long), (401, true, false), "of an anonymous client");
    assert_eq!(
        post("/api/sign_in", &format!("sec-fetch-site: cross-site\r\n{long}")),
        (403, true, false),
        "of another site"
    );
}

fn form_of(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[test]
fn form_with_ten_thousand_parts_is_rejected() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let texts = || (0..10_000).fold(multipart::Form::new(), |form, part| form.text(format!("seconds{part}"), "1"));
    let files = || {
        (0..10_000).fold(multipart::Form::new(), |form, part| {
            form.part(format!("file{part}"), multipart::Part::bytes(b"a,b\n".as_slice()).file_name("a.csv"))
        })
    };
    for form in [texts(), files()] {
        let sent = send_status(&server, ada.request(Method::POST, "/new/import-csv").multipart(form));
        assert!(matches!(sent, 0 | 413 | 422), "{sent}");
    }
    let sent = send_status(&server, ada.request(Method::POST, "/uploads").multipart(texts()));
    assert!(matches!(sent, 0 | 400 | 413), "{sent}");
    // One file is accepted, the others are ignored.
    let sent = send_status(&server, ada.request(Method::POST, "/uploads").multipart(files()));
    assert!(matches!(sent, 0 | 200 | 413), "{sent}");
    for odd in ["multipart/form-data", "multipart/form-data; boundary="] {
        for path in ["/uploads", "/new/import-csv"] {
            let sent =
                send_status(&server, ada.request(Method::POST, path).header("content-type", odd).body("--x\r\n"));
            assert!(matches!(sent, 400 | 422), "{path} {odd}: {sent}");
        }
    }
    let names = multipart::Form::new().part("x".repeat(5 * MIB), multipart::Part::text("y"));
    let sent = send_status(&server, ada.request(Method::POST, "/new/import-csv").multipart(names));
    assert!(matches!(sent, 0 | 400 | 413 | 422), "{sent}");
}

#[test]
fn upload_over_user_quota_is_rejected() {
    let (server, link) = ServerWithAccounts::new(&["--upload-quota", "1MB"]);
    let ada = server.new_client();
    ada.redeem_link(&link, "ada");
    let ben = server.add_user(&ada, "ben", "operator");
    let send = |user: &UserClient, bytes: usize| {
        let body = Body::from(vec![b'x'; bytes]);
        user.send(user.request(Method::POST, "/uploads?name=a.csv").body(body))
    };
    assert_eq!(send(&ben, 600_000).status(), 200);
    for bytes in [600_000, 50_000_000] {
        let rejected = send(&ben, bytes);
        assert_eq!(rejected.status(), 413);
        let rejected: Value = rejected.json().unwrap();
        assert_eq!(rejected["code"], "quota_reached", "{rejected}");
        assert!(rejected["message"].as_str().unwrap().starts_with("Your uploads and inputs take 600 kB"), "{rejected}");
    }
    // A body without a length is counted while it arrives.
    let unknown = Body::new(std::io::Read::take(std::io::repeat(b'x'), 600_000));
    assert_eq!(ben.send(ben.request(Method::POST, "/uploads").body(unknown)).status(), 413);
    let part = multipart::Part::bytes(vec![b'x'; 600_000]).file_name("a.csv");
    let form = multipart::Form::new().part("file", part).text("table", "t");
    let page = ben.send(ben.request(Method::POST, "/new/import-csv").header("accept", "text/html").multipart(form));
    assert!(page.status().is_client_error(), "{}", page.status());
    assert!(page.text().unwrap().contains("our uploads and inputs take 600 kB"), "and why");
    assert_eq!(send(&ben, 300_000).status(), 200, "the rest of the quota");
    assert_eq!(send(&ada, 600_000).status(), 200, "each user has a quota");
}
