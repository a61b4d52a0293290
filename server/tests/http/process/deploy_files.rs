//! The files of `docs/deploy` and the release name commands, settings and files that exist.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::support::process::run;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The rest of the first line of `file` that begins with `prefix`.
fn line_after(file: &str, prefix: &str) -> String {
    let text = read(file);
    let rest = text.lines().find_map(|line| line.strip_prefix(prefix));
    rest.unwrap_or_else(|| panic!("{file} has no line that begins with {prefix}")).to_owned()
}

#[test]
fn milepost_toml_is_accepted_with_and_without_public_url() {
    let text = read("docs/deploy/milepost.toml");
    let with_public_url = text.replace("# public_url", "public_url");
    assert_ne!(text, with_public_url);
    for text in [text, with_public_url] {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("milepost.toml");
        // Port 1 has no server: the settings are accepted, and the check fails.
        fs::write(&file, text.replace("127.0.0.1:3000", "127.0.0.1:1")).unwrap();
        let output = run(&["health", "--config", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn commands_of_unit_and_image_exist() {
    let words = line_after("docs/deploy/milepost.service", "ExecStart=/usr/local/bin/milepost ");
    let health = line_after("docs/deploy/Dockerfile", "HEALTHCHECK ");
    let health = health.split_once(r#"CMD ["/usr/bin/milepost", ""#).unwrap().1.trim_end_matches("\"]");
    for command in [words.split(' ').next().unwrap(), health] {
        assert!(run(&[command, "--help"]).status.success(), "milepost {command}");
    }
}

#[test]
fn image_user_owns_the_data_directory() {
    let user = line_after(".ci/dist", "image_user=");
    assert_eq!(line_after("docs/deploy/Dockerfile", "USER "), format!("{user}:{user}"));
}

#[test]
fn files_of_the_package_exist() {
    let manifest: toml::Table = read("server/Cargo.toml").parse().unwrap();
    let assets = manifest["package"]["metadata"]["deb"]["assets"].as_array().unwrap();
    let sources = assets.iter().map(|asset| asset[0].as_str().unwrap());
    // The others are built.
    for source in sources.filter(|source| source.starts_with("../") && !source.starts_with("../target/")) {
        assert!(repository().join("server").join(source).exists(), "{source}");
    }
}
