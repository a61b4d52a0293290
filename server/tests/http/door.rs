use std::net::{Ipv4Addr, SocketAddr};

use tempfile::TempDir;

use crate::milepost::{Milepost, command, run};

const GET: &str = "GET /healthz HTTP/1.1";
const CHANGE: &str = "POST /api/cancel_job HTTP/1.1";
const OWN: &str = "host: localhost";
/// What a browser says of a page of the server.
const OWN_PAGES: [&str; 4] =
    ["origin: http://localhost", "sec-fetch-site: same-origin", "sec-fetch-site: none", "origin: https://LOCALHOST"];

#[test]
fn only_names_of_this_machine_are_answered() {
    let (milepost, _data) = Milepost::start();
    for host in ["localhost", "LOCALHOST:81", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:3000"] {
        assert_eq!(milepost.status(&[GET, &format!("host: {host}")]), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.2", "user@localhost"] {
        assert_eq!(milepost.status(&[GET, &format!("host: {host}")]), 421, "{host}");
    }
    assert_eq!(milepost.status(&["GET http://evil.example/healthz HTTP/1.1", OWN]), 421);
    assert_eq!(milepost.status(&[GET]), 400);
    assert_eq!(milepost.status(&[GET, OWN, "host: evil.example"]), 400);
    let refusal = milepost.exchange(&["GET / HTTP/1.1", "host: evil.example"]);
    assert!(refusal.contains("answers only as localhost") && refusal.contains("--public-url"), "{refusal}");
}

#[test]
fn the_public_address_is_answered_too_and_no_other() {
    let (milepost, _data) = Milepost::start_with(&["--public-url", "https://milepost.example.org"]);
    for host in ["milepost.example.org", "MilePost.Example.org:443", "localhost:3000", "127.0.0.1"] {
        assert_eq!(milepost.status(&[GET, &format!("host: {host}")]), 200, "{host}");
    }
    for host in ["milepost.example.org:80", "www.milepost.example.org", "example.org", "192.0.2.1", "a@localhost"] {
        assert_eq!(milepost.status(&[GET, &format!("host: {host}")]), 421, "{host}");
    }
    let (milepost, _data) = Milepost::start_with(&["--public-url", "http://[2001:db8::1]:8080/"]);
    assert_eq!(milepost.status(&[GET, "host: [2001:DB8::1]:8080"]), 200);
    for host in ["[2001:db8::1]", "[2001:db8::2]:8080"] {
        assert_eq!(milepost.status(&[GET, &format!("host: {host}")]), 421, "{host}");
    }
}

/// A server that other machines can reach, asked from this one.
fn reachable(arguments: &[&str]) -> (Milepost, TempDir) {
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.args(["--addr", "0.0.0.0:0", "--data-dir"]).arg(data.path()).args(arguments);
    let mut milepost = Milepost::spawn(command);
    milepost.addr = SocketAddr::from((Ipv4Addr::LOCALHOST, milepost.addr.port()));
    (milepost, data)
}

#[test]
fn a_server_that_others_reach_answers_to_addresses_until_it_has_a_name() {
    let (nameless, _data) = reachable(&[]);
    for host in ["192.0.2.1", "192.0.2.1:3000", "[2001:db8::1]:3000", "localhost"] {
        assert_eq!(nameless.status(&[GET, &format!("host: {host}")]), 200, "{host}");
    }
    let refusal = nameless.exchange(&[GET, "host: rebound.example"]);
    assert!(refusal.starts_with("HTTP/1.1 421") && refusal.contains("--public-url"), "{refusal}");

    let (named, _data) = reachable(&["--public-url", "http://milepost.example.org:8080"]);
    assert_eq!(named.status(&[GET, "host: milepost.example.org:8080"]), 200);
    let refusal = named.exchange(&[GET, "host: 192.0.2.1:8080"]);
    assert!(refusal.starts_with("HTTP/1.1 421") && refusal.contains("milepost.example.org"), "{refusal}");
}

#[test]
fn a_public_address_that_is_more_than_a_host_is_refused_saying_why() {
    for (address, why) in [
        ("milepost.example.org", "is no address"),
        ("ftp://milepost.example.org", "neither with http://"),
        ("https://milepost.example.org/jobs", "base_path"),
        ("https://milepost.example.org?a", "goes on"),
        ("https://me@milepost.example.org", "names a user"),
    ] {
        let output = run(&["--public-url", address]);
        assert_eq!(output.status.code(), Some(2), "{address}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("public_url") && said.contains(why), "{said}");
    }
}

#[test]
fn another_sites_page_can_change_nothing() {
    let (milepost, _data) = Milepost::start();
    for forged in [
        "origin: http://evil.example",
        "origin: http://localhost:9999",
        "origin: null",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
    ] {
        let lines = [CHANGE, OWN, "content-length: 0", forged];
        let answer = milepost.exchange(&lines);
        let why = format!("Another site sent this request ({forged})");
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains(&why), "{forged}: {answer}");
    }
    for own in OWN_PAGES {
        assert_ne!(milepost.status(&[CHANGE, OWN, "content-length: 0", own]), 403, "{own}");
    }
    for method in ["PUT", "DELETE", "BREW", "OPTIONS"] {
        let line = format!("{method} /jobs HTTP/1.1");
        assert_eq!(milepost.status(&[&line, OWN, "origin: http://evil.example"]), 403, "{method}");
    }
    // The first of several may not hide the second.
    assert_eq!(milepost.status(&[CHANGE, OWN, OWN_PAGES[0], "origin: http://evil.example"]), 403);
    assert_eq!(milepost.status(&[CHANGE, OWN, OWN_PAGES[1], "sec-fetch-site: cross-site"]), 403);
    // The word of the browser counts more than a name that may be anybody's.
    assert_eq!(milepost.status(&[CHANGE, OWN, OWN_PAGES[0], "sec-fetch-site: same-site"]), 403);
}

#[test]
fn a_session_changes_nothing_for_who_does_not_say_where_from() {
    let (milepost, _data) = Milepost::start();
    for cookie in ["milepost_session=a", "theme=dark; milepost_session=a", "theme=dark;__Host-milepost_session=a"] {
        let cookie = format!("cookie: {cookie}");
        let answer = milepost.exchange(&[CHANGE, OWN, "content-length: 0", &cookie]);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("neither Sec-Fetch-Site nor Origin"), "{answer}");
        for own in OWN_PAGES {
            assert_ne!(milepost.status(&[CHANGE, OWN, "content-length: 0", &cookie, own]), 403, "{cookie} {own}");
        }
        // On plain HTTP beyond this machine a browser says nothing with these.
        assert_eq!(milepost.status(&["GET /jobs HTTP/1.1", OWN, &cookie]), 200, "{cookie}");
        assert_eq!(milepost.status(&["GET /events/poll?topic=jobs HTTP/1.1", OWN, &cookie]), 200, "{cookie}");
    }
    for script in ["user-agent: a script", "cookie: theme=dark; my_milepost_session=a"] {
        assert_ne!(milepost.status(&[CHANGE, OWN, "content-length: 0", script]), 403, "{script}");
    }
}

#[test]
fn a_bearer_token_is_nothing_that_another_site_can_send() {
    let (milepost, _data) = Milepost::start();
    let forged = ["origin: http://evil.example", "sec-fetch-site: cross-site", "cookie: milepost_session=a"];
    for forged in forged {
        for bearer in ["authorization: Bearer a", "authorization: bearer a"] {
            assert_ne!(milepost.status(&[CHANGE, OWN, "content-length: 0", forged, bearer]), 403, "{forged}");
        }
        let basic = "authorization: Basic a";
        assert_eq!(milepost.status(&[CHANGE, OWN, "content-length: 0", forged, basic]), 403, "{forged}");
    }
}

#[test]
fn pages_behind_a_proxy_are_own_pages() {
    let (milepost, _data) = Milepost::start_with(&["--public-url", "https://milepost.example.org"]);
    let status = |host: &str, origin: &str| {
        let (host, origin) = (format!("host: {host}"), format!("origin: {origin}"));
        milepost.status(&[CHANGE, &host, "content-length: 0", &origin])
    };
    for host in ["milepost.example.org", "localhost:3000"] {
        assert_ne!(status(host, "https://milepost.example.org"), 403, "{host}");
        for origin in ["https://www.example.org", "https://milepost.example.org:8443", "https://localhost"] {
            assert_eq!(status(host, origin), 403, "{host} {origin}");
        }
    }
}

#[test]
fn case_18_another_sites_page_can_listen_to_nothing() {
    let (milepost, _data) = Milepost::start();
    for path in ["/events?topic=jobs", "/events/poll?topic=jobs"] {
        for forged in ["origin: http://evil.example", "sec-fetch-site: cross-site", "sec-fetch-site: same-site"] {
            assert_eq!(milepost.status(&[&format!("GET {path} HTTP/1.1"), OWN, forged]), 403, "{path} {forged}");
        }
    }
}

#[test]
fn every_answer_tells_browsers_to_be_careful() {
    let (milepost, _data) = Milepost::start();
    for lines in [
        &["GET / HTTP/1.1", OWN][..],
        &[GET, OWN],
        &["GET /icons.svg HTTP/1.1", OWN],
        &["GET /nowhere HTTP/1.1", OWN],
        &["GET / HTTP/1.1", "host: evil.example"],
        &[CHANGE, OWN, "content-length: 0", "origin: null"],
    ] {
        let answer = milepost.exchange(lines);
        let head = answer.split("\r\n\r\n").next().unwrap();
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

/// The content policy of a page, and the page.
fn page(milepost: &Milepost) -> (String, String) {
    let answer = milepost.exchange(&["GET / HTTP/1.1", OWN]);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let policy = head.lines().find_map(|line| line.strip_prefix("content-security-policy: ")).unwrap();
    (policy.to_owned(), body.to_owned())
}

#[test]
fn a_page_runs_only_scripts_that_carry_its_own_nonce() {
    let (milepost, _data) = Milepost::start();
    let (policy, body) = page(&milepost);
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    for script in body.split("<script").skip(1) {
        assert!(script.contains(&format!("nonce=\"{nonce}\"")), "{script}");
    }
    assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
    assert!(!body.contains(" style=\"") && !body.contains("<style"), "inline style");
    assert!(!policy.contains("ws:"), "{policy}");
    let (again, _) = page(&milepost);
    assert_ne!(policy, again);
}

#[test]
fn only_while_watching_may_a_page_talk_to_the_reload_socket() {
    let data = tempfile::TempDir::new().unwrap();
    let mut command = command();
    command.env("LEPTOS_WATCH", "true").env("LEPTOS_RELOAD_PORT", "3456");
    command.args(["--addr", "127.0.0.1:0", "--no-auth", "--data-dir"]).arg(data.path());
    let (policy, _) = page(&Milepost::spawn(command));
    assert!(policy.contains("ws://127.0.0.1:3456"), "{policy}");
}
