//! Path traversal: names of uploads, artifacts, folders and assets that lead elsewhere.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    accounts::ServerWithAccounts,
    browser::Browser,
    raw_http::{send_bytes, status_of},
    site::asset_folder,
};

/// Escapes from a folder, as written in a URL.
const ESCAPES: [&str; 22] = [
    "..",
    "../milepost.db",
    "..%2fmilepost.db",
    "..%2Fmilepost.db",
    "%2e%2e/milepost.db",
    "%2e%2e%2fmilepost.db",
    "%252e%252e%252fmilepost.db",
    "..%252fmilepost.db",
    "..%c0%afmilepost.db",
    "..%5cmilepost.db",
    "..\\milepost.db",
    "..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "../../../../../../../../etc/passwd",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "file:%2f%2f%2fetc%2fpasswd",
    "demo.txt%00",
    "demo.txt%00.png",
    "demo.txt%2f..%2f..%2f..%2fmilepost.db",
    "./demo.txt%2f",
    ".",
    "%2e",
];

/// All files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.to_string_lossy().into_owned());
        }
    }
    found
}

#[test]
fn url_path_reaches_no_file_outside_artifacts() {
    let (server, ada) = ServerWithAccounts::with_admin();
    ada.run();
    let session = ada.session_cookie().unwrap();
    let ask = |path: &str| {
        let cookie = format!("cookie: milepost_session={session}");
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{cookie}\r\nconnection: close\r\n\r\n");
        send_bytes(&server.process, head.as_bytes())
    };
    assert_eq!(status_of(&ask("/jobs/1/artifacts/demo.txt")), 200);
    let long = "a".repeat(5_000);
    let deep = "../".repeat(1_000) + "etc/passwd";
    let folder = format!("/{}", asset_folder());
    let folders = ["/jobs/1/artifacts", &folder, "/jobs/1/log", "/jobs", "/pkg", "", "/settings/audit.csv", "/uploads"];
    for folder in folders {
        for way in ESCAPES.iter().copied().chain([long.as_str(), deep.as_str()]) {
            let response = ask(&format!("{folder}/{way}"));
            for secret in ["SQLite format 3", "root:", "[package]", "BEGIN"] {
                assert!(!response.contains(secret), "{folder}/{way}: {response}");
            }
            assert!(!matches!(status_of(&response), 0 | 500..), "{folder}/{way}: {response}");
            let job_made_it = response.contains("A demonstration of");
            assert!(!job_made_it, "{folder}/{way} is another name of a file");
        }
    }
    for job in ["0", "-1", "01", "+1", "1.0", "1e0", "%31%00", "9223372036854775808", "1%2f..%2f1", "1;2", "' or 1=1"] {
        let job = job.replace(' ', "%20");
        let response = ask(&format!("/jobs/{job}/artifacts/demo.txt"));
        let answered = status_of(&response);
        assert!(answered == 404 || matches!(&*job, "01" | "+1"), "{job}: {answered}");
    }
}

#[test]
fn upload_name_never_becomes_a_file_name() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let above = server.data().parent().unwrap();
    let (before, before_above) = (files(server.data()), fs::read_dir(above).unwrap().count());
    let long = "x".repeat(30_000);
    let names = ESCAPES.iter().map(|way| way.replace('/', "%2f").replace('\\', "%5c"));
    let more = ["%00", "%0a%0d", "CON", "a%2f", "~", "$(id)", "%e2%80%ae", "%f0%9f%92%a5", &long].map(str::to_owned);
    let mut kept = 0;
    for name in names.chain(more) {
        let sent = ada.send(ada.request(http::Method::POST, &format!("/uploads?name={name}")).body("x"));
        if sent.status() == 400 {
            continue;
        }
        assert_eq!(sent.status(), 200, "{name}");
        let response: Value = sent.json().unwrap();
        let stored_name = response["name"].as_str().unwrap();
        let plain =
            !stored_name.contains(['/', '\\']) && !stored_name.chars().any(char::is_control) && !stored_name.is_empty();
        assert!(plain && stored_name != ".." && stored_name.chars().count() <= 200, "{name} became {stored_name:?}");
        kept += 1;
    }
    let new: Vec<_> = files(server.data()).difference(&before).cloned().collect();
    let uploads = new.iter().filter(|path| path.contains("/uploads/")).count();
    assert_eq!(uploads, kept);
    for path in new.iter().filter(|path| path.contains("/uploads/")) {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{path}");
    }
    assert!(fs::read_dir(above).unwrap().count().abs_diff(before_above) < 50, "nothing beside the data directory");
    assert!(!Path::new("/etc/escaped").exists());
}

/// A root with symbolic links to outside, and the folder outside.
fn root_with_links() -> (TempDir, TempDir) {
    let (root, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fs::create_dir(root.path().join("inside")).unwrap();
    fs::create_dir(outside.path().join("hidden-folder")).unwrap();
    fs::write(outside.path().join("hidden-file"), "hidden words").unwrap();
    symlink(outside.path(), root.path().join("link")).unwrap();
    symlink("/proc/self", root.path().join("process")).unwrap();
    symlink("/", root.path().join("inside/slash")).unwrap();
    (root, outside)
}

#[test]
fn path_outside_roots_is_rejected() {
    let (root, outside) = root_with_links();
    let (root_path, outside_path) = (root.path().to_str().unwrap(), outside.path().to_str().unwrap());
    let browser = Browser::with_arguments(&["--root", root_path]);
    let folders = |path: &str| browser.post("/api/folders", &[("path", path), ("takes", "any")]);
    let inside = folders(root_path).text().unwrap();
    assert!(inside.contains("inside"), "{inside}");
    let name = root.path().file_name().unwrap().to_str().unwrap();
    let ways = [
        outside_path.to_owned(),
        format!("{root_path}/link"),
        format!("{root_path}/link/hidden-folder"),
        format!("{root_path}/process"),
        format!("{root_path}/process/root"),
        format!("{root_path}/inside/slash"),
        format!("{root_path}/inside/slash/proc/self/environ"),
        format!("{root_path}/.."),
        format!("{root_path}/../"),
        format!("{root_path}/inside/../.."),
        format!("{root_path}/../{name}/../"),
        format!("{root_path}/\0"),
        format!("{root_path}2"),
        "/".to_owned(),
        "/proc/self/environ".to_owned(),
        "/proc/self/fd".to_owned(),
        "/proc/self/root".to_owned(),
        "..".to_owned(),
        "../..".to_owned(),
        "~".to_owned(),
        "file:///etc".to_owned(),
        "/etc\0".to_owned(),
        "a/".repeat(5_000),
        format!("{root_path}/{}", "../".repeat(2_000)),
    ];
    for way in &ways {
        let listed = folders(way);
        assert_eq!(listed.status(), 422, "{way:?}");
        let text = listed.text().unwrap();
        assert!(text.contains("invalid_path") && !text.contains("folders"), "{way:?}: {text}");
        let input = serde_json::json!({ "folder": way }).to_string();
        let started = browser.post("/api/start_job", &[("kind", "checksum"), ("input", &input)]);
        assert_eq!(started.status(), 422, "{way:?}: {}", started.text().unwrap());
    }
    // A job on the root itself does not follow the links either.
    let job = browser.start("checksum", &serde_json::json!({ "folder": root_path }));
    browser.wait(&[job]);
    let page = browser.page(&format!("/jobs/{job}"));
    let manifests: Vec<_> = page.match_indices("/artifacts/").map(|(at, _)| &page[at + 11..]).collect();
    for manifest in manifests {
        let manifest = manifest.split('"').next().unwrap();
        let text = browser.artifact(job, manifest);
        assert!(!text.contains("hidden-file") && !text.contains("environ"), "{manifest}: {text}");
    }
}

#[test]
fn odd_spelling_of_base_path_is_not_found() {
    let browser = Browser::with_arguments(&["--base-path", "/milepost"]);
    let ask = |path: &str| status_of(&browser.server.send_lines(&[&format!("GET {path} HTTP/1.1"), "host: localhost"]));
    assert_eq!(ask("/milepost/jobs"), 200);
    for path in [
        "/jobs",
        "/milepost2/jobs",
        "/milepostjobs",
        "//milepost/jobs",
        "/Milepost/jobs",
        "/milepost/../jobs",
        "/x/../milepost/jobs",
        "/%6dilepost/../jobs",
        "/milepost%2fjobs",
        "/./milepost/jobs",
        "/milepost//jobs",
        "/milepost/milepost/jobs",
    ] {
        assert_eq!(ask(path), 404, "{path}");
    }
}
