//! The CSRF check: `Sec-Fetch-Site` and `Origin` of a request that changes something.

use crate::support::process::ServerProcess;

const CHANGE: &str = "POST /api/cancel_job HTTP/1.1";
const OWN: &str = "host: localhost";
/// The headers that a browser sends from a page of the server.
const OWN_PAGES: [&str; 4] =
    ["origin: http://localhost", "sec-fetch-site: same-origin", "sec-fetch-site: none", "origin: https://LOCALHOST"];

#[test]
fn cross_site_change_is_rejected() {
    let (server, _data) = ServerProcess::start();
    for forged in [
        "origin: http://evil.example",
        "origin: http://localhost:9999",
        "origin: null",
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
    ] {
        let lines = [CHANGE, OWN, "content-length: 0", forged];
        let response = server.send_lines(&lines);
        let why = format!("Another site sent this request ({forged})");
        assert!(response.starts_with("HTTP/1.1 403") && response.contains(&why), "{forged}: {response}");
    }
    for own in OWN_PAGES {
        assert_ne!(server.status(&[CHANGE, OWN, "content-length: 0", own]), 403, "{own}");
    }
    for method in ["PUT", "DELETE", "BREW", "OPTIONS"] {
        let line = format!("{method} /jobs HTTP/1.1");
        assert_eq!(server.status(&[&line, OWN, "origin: http://evil.example"]), 403, "{method}");
    }
    // Every one of several headers counts.
    assert_eq!(server.status(&[CHANGE, OWN, OWN_PAGES[0], "origin: http://evil.example"]), 403);
    assert_eq!(server.status(&[CHANGE, OWN, OWN_PAGES[1], "sec-fetch-site: cross-site"]), 403);
    // `Sec-Fetch-Site` counts more than an origin, whose host name may be forged.
    assert_eq!(server.status(&[CHANGE, OWN, OWN_PAGES[0], "sec-fetch-site: same-site"]), 403);
}

#[test]
fn session_change_without_origin_headers_is_rejected() {
    let (server, _data) = ServerProcess::start();
    for cookie in ["milepost_session=a", "theme=dark; milepost_session=a", "theme=dark;__Host-milepost_session=a"] {
        let cookie = format!("cookie: {cookie}");
        let response = server.send_lines(&[CHANGE, OWN, "content-length: 0", &cookie]);
        assert!(
            response.starts_with("HTTP/1.1 403") && response.contains("neither Sec-Fetch-Site nor Origin"),
            "{response}"
        );
        for own in OWN_PAGES {
            assert_ne!(server.status(&[CHANGE, OWN, "content-length: 0", &cookie, own]), 403, "{cookie} {own}");
        }
        // Browsers omit both headers on GET requests over plain HTTP to another machine.
        assert_eq!(server.status(&["GET /jobs HTTP/1.1", OWN, &cookie]), 200, "{cookie}");
        assert_eq!(server.status(&["GET /events/poll?topic=jobs HTTP/1.1", OWN, &cookie]), 200, "{cookie}");
    }
    for script in ["user-agent: a script", "cookie: theme=dark; my_milepost_session=a"] {
        assert_ne!(server.status(&[CHANGE, OWN, "content-length: 0", script]), 403, "{script}");
    }
}

#[test]
fn bearer_token_is_exempt_from_csrf_check() {
    let (server, _data) = ServerProcess::start();
    let forged = ["origin: http://evil.example", "sec-fetch-site: cross-site", "cookie: milepost_session=a"];
    for forged in forged {
        for bearer in ["authorization: Bearer a", "authorization: bearer a"] {
            assert_ne!(server.status(&[CHANGE, OWN, "content-length: 0", forged, bearer]), 403, "{forged}");
        }
        let basic = "authorization: Basic a";
        assert_eq!(server.status(&[CHANGE, OWN, "content-length: 0", forged, basic]), 403, "{forged}");
    }
}

#[test]
fn public_url_is_an_own_origin() {
    let (server, _data) = ServerProcess::start_with(&["--public-url", "https://milepost.example.org"]);
    let status = |host: &str, origin: &str| {
        let (host, origin) = (format!("host: {host}"), format!("origin: {origin}"));
        server.status(&[CHANGE, &host, "content-length: 0", &origin])
    };
    for host in ["milepost.example.org", "localhost:3000"] {
        assert_ne!(status(host, "https://milepost.example.org"), 403, "{host}");
        for origin in ["https://www.example.org", "https://milepost.example.org:8443", "https://localhost"] {
            assert_eq!(status(host, origin), 403, "{host} {origin}");
        }
    }
}

#[test]
fn case_18_cross_site_stream_is_rejected() {
    let (server, _data) = ServerProcess::start();
    for path in ["/events?topic=jobs", "/events/poll?topic=jobs"] {
        for forged in ["origin: http://evil.example", "sec-fetch-site: cross-site", "sec-fetch-site: same-site"] {
            assert_eq!(server.status(&[&format!("GET {path} HTTP/1.1"), OWN, forged]), 403, "{path} {forged}");
        }
    }
}
