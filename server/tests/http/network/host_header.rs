//! The `Host` header: a server answers only to its own names, which prevents DNS rebinding.

use std::net::{Ipv4Addr, SocketAddr};

use tempfile::TempDir;

use crate::support::process::{ServerProcess, command, run};

const GET: &str = "GET /healthz HTTP/1.1";
const OWN: &str = "host: localhost";

#[test]
fn unknown_host_is_rejected_on_loopback() {
    let (server, _data) = ServerProcess::start();
    for host in ["localhost", "LOCALHOST:81", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:3000"] {
        assert_eq!(server.status(&[GET, &format!("host: {host}")]), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.2", "user@localhost"] {
        assert_eq!(server.status(&[GET, &format!("host: {host}")]), 421, "{host}");
    }
    assert_eq!(server.status(&["GET http://evil.example/healthz HTTP/1.1", OWN]), 421);
    assert_eq!(server.status(&[GET]), 400);
    assert_eq!(server.status(&[GET, OWN, "host: evil.example"]), 400);
    let rejection = server.send_lines(&["GET / HTTP/1.1", "host: evil.example"]);
    assert!(rejection.contains("answers only as localhost") && rejection.contains("--public-url"), "{rejection}");
}

#[test]
fn public_url_is_an_accepted_host() {
    let (server, _data) = ServerProcess::start_with(&["--public-url", "https://milepost.example.org"]);
    for host in ["milepost.example.org", "MilePost.Example.org:443", "localhost:3000", "127.0.0.1"] {
        assert_eq!(server.status(&[GET, &format!("host: {host}")]), 200, "{host}");
    }
    for host in ["milepost.example.org:80", "www.milepost.example.org", "example.org", "192.0.2.1", "a@localhost"] {
        assert_eq!(server.status(&[GET, &format!("host: {host}")]), 421, "{host}");
    }
    let (server, _data) = ServerProcess::start_with(&["--public-url", "http://[2001:db8::1]:8080/"]);
    assert_eq!(server.status(&[GET, "host: [2001:DB8::1]:8080"]), 200);
    for host in ["[2001:db8::1]", "[2001:db8::2]:8080"] {
        assert_eq!(server.status(&[GET, &format!("host: {host}")]), 421, "{host}");
    }
}

/// A server that other machines can reach, requested from this one.
fn reachable(arguments: &[&str]) -> (ServerProcess, TempDir) {
    let data = TempDir::new().unwrap();
    let mut command = command();
    command.args(["--addr", "0.0.0.0:0", "--data-dir"]).arg(data.path()).args(arguments);
    let mut server = ServerProcess::spawn(command);
    server.addr = SocketAddr::from((Ipv4Addr::LOCALHOST, server.addr.port()));
    (server, data)
}

#[test]
fn reachable_server_accepts_ip_hosts_until_it_has_public_url() {
    let (nameless, _data) = reachable(&[]);
    for host in ["192.0.2.1", "192.0.2.1:3000", "[2001:db8::1]:3000", "localhost"] {
        assert_eq!(nameless.status(&[GET, &format!("host: {host}")]), 200, "{host}");
    }
    let rejection = nameless.send_lines(&[GET, "host: rebound.example"]);
    assert!(rejection.starts_with("HTTP/1.1 421") && rejection.contains("--public-url"), "{rejection}");

    let (named, _data) = reachable(&["--public-url", "http://milepost.example.org:8080"]);
    assert_eq!(named.status(&[GET, "host: milepost.example.org:8080"]), 200);
    let rejection = named.send_lines(&[GET, "host: 192.0.2.1:8080"]);
    assert!(rejection.starts_with("HTTP/1.1 421") && rejection.contains("milepost.example.org"), "{rejection}");
}

#[test]
fn invalid_public_url_is_rejected_with_the_reason() {
    for (address, why) in [
        ("milepost.example.org", "is no address"),
        ("ftp://milepost.example.org", "neither with http://"),
        ("https://milepost.example.org/jobs", "base_path"),
        ("https://milepost.example.org?a", "goes on"),
        ("https://me@milepost.example.org", "names a user"),
    ] {
        let output = run(&["--public-url", address]);
        assert_eq!(output.status.code(), Some(2), "{address}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.contains("public_url") && stderr.contains(why), "{stderr}");
    }
}
