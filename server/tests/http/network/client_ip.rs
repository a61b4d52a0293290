//! The client IP behind trusted proxies (`X-Forwarded-For`).

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use server::middleware::client_ip::TrustedProxies;

use crate::support::process::{ServerProcess, run};

/// The client IP of a request from `peer` with these `X-Forwarded-For` lines; 10.0.0.0/8 and `fd00::/8` are trusted.
fn client_ip(peer: &str, lines: &[&'static [u8]]) -> IpAddr {
    let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse::<IpNet>().unwrap());
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append("x-forwarded-for", HeaderValue::from_bytes(line).unwrap());
    }
    TrustedProxies::from_iter(networks).client(peer.parse().unwrap(), &headers)
}

#[test]
fn client_ip_is_taken_from_the_last_trusted_proxy() {
    for (peer, lines, expected) in [
        ("10.0.0.1", &[&b"192.0.2.7"[..]][..], "192.0.2.7"),
        ("10.0.0.1", &[b"192.0.2.7, 10.2.3.4"], "192.0.2.7"),
        ("10.0.0.1", &[b"192.0.2.7,10.2.3.4 , 10.9.9.9"], "192.0.2.7"),
        ("fd00::1", &[b"2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", &[b"::ffff:192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", &[b"192.0.2.7:4711"], "192.0.2.7"),
        ("10.0.0.1", &[b"[2001:db8::7]:4711"], "2001:db8::7"),
        ("10.0.0.1", &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", &[], "10.0.0.1"),
    ] {
        assert_eq!(client_ip(peer, lines), expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
    }
}

#[test]
fn forged_x_forwarded_for_is_ignored() {
    for (peer, lines, expected) in [
        // Not from a proxy.
        ("192.0.2.7", &[&b"198.51.100.1"[..]][..], "192.0.2.7"),
        // Forged before the first proxy.
        ("10.0.0.1", &[b"198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        ("10.0.0.1", &[b"198.51.100.1", b"192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        ("10.0.0.1", &[b"10.0.0.9, 192.0.2.7"], "192.0.2.7"),
    ] {
        assert_eq!(client_ip(peer, lines), expected.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
    }
}

#[test]
fn invalid_forwarded_address_ends_the_proxy_chain() {
    for lines in
        [&b"198.51.100.1, garbage, 10.0.0.2"[..], b"198.51.100.1, , 10.0.0.2", b"198.51.100.1, \xff\xfe,10.0.0.2"]
    {
        let expected = client_ip("10.0.0.1", &[lines]);
        // A line that is not ASCII is ignored.
        let last = if lines.is_ascii() { "10.0.0.2" } else { "10.0.0.1" };
        assert_eq!(expected, last.parse::<IpAddr>().unwrap(), "{lines:?}");
    }
    assert_eq!(client_ip("10.0.0.1", &[b"198.51.100.1", b"", b"10.0.0.2"]), "10.0.0.2".parse::<IpAddr>().unwrap());
}

#[test]
fn request_log_has_client_ip_and_no_query() {
    let (mut server, _data) =
        ServerProcess::start_with(&["--trusted-proxy", "127.0.0.1", "--log", "tower_http=debug,server=debug"]);
    let lines = ["GET /jobs?token=hush HTTP/1.1", "host: localhost", "x-forwarded-for: 192.0.2.7"];
    assert_eq!(server.status(&lines), 200);
    let line = server.log_line_with("finished processing request");
    assert!(line.contains("path=\"/jobs\" client=192.0.2.7"), "{line}");
    assert!(!line.contains("hush"), "{line}");
}

#[test]
fn invalid_trusted_network_is_rejected() {
    let output = run(&["--trusted-proxy", "10.0.0.0/33"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("--trusted-proxy") && stderr.contains("10.0.0.0/8"), "{stderr}");
}
