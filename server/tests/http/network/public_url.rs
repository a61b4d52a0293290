//! The public URL: the start of every absolute link.

use std::{fs, net::SocketAddr};

use server::config::{Config, Settings};
use tempfile::TempDir;

/// The configuration of a file with this text.
fn config(text: &str) -> Config {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("milepost.toml");
    fs::write(&file, text).unwrap();
    Config::new(Settings::from_file(&file).unwrap()).unwrap()
}

#[test]
fn link_starts_with_public_url_and_base_path() {
    let listening: SocketAddr = "127.0.0.1:3000".parse().unwrap();
    let public = config("public_url = 'https://Milepost.example.org:443/'\nbase_path = '/milepost'");
    assert_eq!(public.link("/jobs/1", listening), "https://milepost.example.org/milepost/jobs/1");
    assert!(public.is_https());
    let plain = config("public_url = 'http://milepost.example.org:8080'");
    assert_eq!(plain.link("/", listening), "http://milepost.example.org:8080/");
    assert!(!plain.is_https());
}

#[test]
fn link_without_public_url_uses_listen_address() {
    let local = config("base_path = '/milepost'");
    assert!(!local.is_https());
    for (listening, link) in [
        ("127.0.0.1:3000", "http://127.0.0.1:3000/milepost/new"),
        ("192.0.2.1:80", "http://192.0.2.1:80/milepost/new"),
        ("0.0.0.0:3000", "http://127.0.0.1:3000/milepost/new"),
        ("[::]:3000", "http://[::1]:3000/milepost/new"),
    ] {
        assert_eq!(local.link("/new", listening.parse().unwrap()), link);
    }
}
