//! A full disk: errors with code `disk_full`, the reserve, the write limit of a job, and recovery.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    time::Instant,
};

use reqwest::blocking::{Body, Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    process::{ServerProcess, TIMEOUT, report_skipped},
    small_disk::SmallDisk,
};

const FILLER: &str = "filler";

/// Uses all free space.
fn fill(disk: &Path) {
    let mut filler = fs::File::options().create(true).append(true).open(disk.join(FILLER)).unwrap();
    for size in [65_536, 4_096, 1] {
        while filler.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

fn assert_refused(response: Response) {
    assert_eq!(response.status().as_u16(), 507);
    let rejection: Value = response.json().unwrap();
    assert_eq!(rejection["code"], "disk_full");
    assert!(rejection["message"].as_str().unwrap().contains("free some space"), "{rejection}");
}

/// A server on a disk of 80 MB, where the system permits mounts.
fn on_small_disk() -> Option<ServerProcess> {
    let server = ServerProcess::start_on_small_disk("80m");
    if server.is_none() {
        report_skipped("this system does not permit mounting a disk");
    }
    server
}

#[test]
fn job_on_full_disk_fails_with_disk_full_and_publishes_none() {
    let Some(server) = on_small_disk() else { return };
    let (disk, client) = (server.small_disk(), Client::new());
    let start = || {
        let arguments = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
        let started = client.post(server.url("/api/start_job")).form(&arguments).send().unwrap();
        started.error_for_status().unwrap().text().unwrap()
    };
    // After these, the WAL of the database starts again at its beginning, and has room for a start and an end.
    for _ in 0..200 {
        start();
    }
    let ended = format!("/events?job={}&until=end", start());
    client.get(server.url(&ended)).send().unwrap().text().unwrap();
    fill(&disk);
    let job = start();
    let page = || client.get(server.url(&format!("/jobs/{job}"))).send().unwrap().text().unwrap();
    let started_at = Instant::now();
    while !page().contains("Error code <code>disk_full") {
        assert!(started_at.elapsed() < TIMEOUT, "its file does not fit: {}", page());
    }
    assert!(!page().contains("/artifacts/"), "a partial file is not an artifact");
    let kept = fs::read_dir(disk.join("jobs").join(&job)).map_or(0, Iterator::count);
    assert_eq!(kept, 0, "nothing of it is kept");
}

#[test]
fn full_disk_returns_507_without_harm() {
    let Some(server) = on_small_disk() else { return };
    let (disk, client) = (server.small_disk(), Client::new());
    let start = || {
        let arguments = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
        client.post(server.url("/api/start_job")).form(&arguments).send().unwrap()
    };
    let upload = |body: Body| client.post(server.url("/uploads?name=a.csv")).body(body).send().unwrap();
    let small = || Body::from("a,b\n");
    let first = start();
    assert_eq!(first.status().as_u16(), 200);

    assert_refused(upload(vec![b'a'; 32 << 20].into()));
    // Without a length, so that the write itself fails.
    assert_refused(upload(Body::new(std::io::repeat(b'a').take(96 << 20))));
    assert_eq!(fs::read_dir(disk.join("uploads")).unwrap().count(), 0, "no part of them is kept");
    assert_eq!(upload(small()).status().as_u16(), 200, "there is room for a small one");

    fill(&disk);
    // The WAL of the database has some room left.
    let rejected = std::iter::repeat_with(|| {
        fill(&disk);
        start()
    });
    assert_refused(rejected.take(2_000).find(|response| response.status().as_u16() != 200).expect("the disk is full"));
    assert_refused(upload(small()));
    let page = client.get(server.url("/jobs/1")).send().unwrap();
    assert_eq!(page.status().as_u16(), 200, "existing data can be read");

    fs::remove_file(disk.join(FILLER)).unwrap();
    assert_eq!(start().status().as_u16(), 200);
    assert_eq!(upload(small()).status().as_u16(), 200);
}

/// The free space of a disk, bytes.
fn free_bytes(disk: &Path) -> u64 {
    let about = rustix::fs::statvfs(disk).unwrap();
    about.f_bavail * about.f_frsize
}

/// Incompressible bytes.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..length / 8).flat_map(|_| next()).collect()
}

/// Calls functions of a server and waits for jobs.
struct ApiClient<'a>(&'a ServerProcess, Client);

impl<'a> ApiClient<'a> {
    fn of(server: &'a ServerProcess) -> Self {
        Self(server, Client::builder().timeout(TIMEOUT).build().unwrap())
    }

    fn call(&self, function: &str, arguments: &[(&str, &str)]) -> Response {
        self.1.post(self.0.url(&format!("/api/{function}"))).form(arguments).send().unwrap()
    }

    fn start(&self, kind: &str, input: &Value) -> String {
        let started = self.call("start_job", &[("kind", kind), ("input", &input.to_string())]);
        started.error_for_status().unwrap().text().unwrap()
    }

    fn get(&self, path: &str) -> String {
        self.1.get(self.0.url(path)).send().unwrap().text().unwrap()
    }

    /// Waits until a job has ended; returns its page.
    fn wait_for_end(&self, job: &str) -> String {
        self.get(&format!("/events?job={job}&until=end"));
        self.get(&format!("/jobs/{job}"))
    }

    /// Waits until an attempt has failed because the disk is full, and cancels further attempts.
    fn wait_until_disk_full(&self, job: &str) {
        let started_at = Instant::now();
        let page = || self.get(&format!("/jobs/{job}"));
        while !page().contains("Error code <code>disk_full") {
            assert!(started_at.elapsed() < TIMEOUT, "{}", page());
        }
        self.call("cancel_job", &[("id", job)]);
    }
}

#[test]
fn archive_stops_at_disk_reserve_and_other_jobs_continue() {
    let Some(disk) = SmallDisk::mount("110m") else {
        return report_skipped("this system does not permit mounting a disk");
    };
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("noise"), noise(64 << 20)).unwrap();
    let folder = json!({ "folder": root.path() });
    for _ in 0..3 {
        let server = disk.start(&["--root", root.path().to_str().unwrap()]);
        let api = ApiClient::of(&server);
        let job = api.start("archive", &folder);
        api.wait_until_disk_full(&job);
        assert!(!disk.path().join("jobs").join(&job).join("work").exists(), "its working files are gone");
        assert!(free_bytes(&disk.path()) > 60 << 20, "and the space is free again");
        let other = api.start("demo", &json!({ "seconds": 0 }));
        assert!(api.wait_for_end(&other).contains("<title>Succeeded: "), "other jobs find space");
        assert_eq!(api.call("delete_job", &[("id", &job)]).status().as_u16(), 200);
        server.signal("KILL");
        server.wait();
    }
}

#[test]
fn full_disk_leaves_room_to_cancel_delete_and_restart() {
    let Some(disk) = SmallDisk::mount("90m") else {
        return report_skipped("this system does not permit mounting a disk");
    };
    let server = disk.start(&[]);
    let api = ApiClient::of(&server);
    let quick = json!({ "seconds": 0 });
    let (old, older) = (api.start("demo", &quick), api.start("demo", &quick));
    api.wait_for_end(&old);
    api.wait_for_end(&older);
    let running = api.start("demo", &json!({ "seconds": 600 }));
    fill(&disk.path());
    let start = || api.call("start_job", &[("kind", "demo"), ("input", &quick.to_string())]);
    // The log of the database has some room of its own.
    let rejected = std::iter::repeat_with(start).take(2_000).find(|response| response.status().as_u16() != 200);
    assert_refused(rejected.expect("the disk is full"));
    assert!(api.get("/").contains("The disk is full"), "{}", api.get("/"));
    assert_eq!(api.call("cancel_job", &[("id", &running)]).status().as_u16(), 200);
    assert!(api.wait_for_end(&running).contains("<title>Cancelled: "), "its final state is stored");
    assert_eq!(api.call("delete_job", &[("id", &old)]).status().as_u16(), 200);
    server.signal("TERM");
    assert!(server.wait().success());

    let server = disk.start(&[]);
    let api = ApiClient::of(&server);
    assert!(api.get(&format!("/jobs/{running}")).contains("<title>Cancelled: "), "pages can be read");
    assert_eq!(api.call("delete_job", &[("id", &older)]).status().as_u16(), 200, "and jobs deleted");
    assert_refused(api.call("start_job", &[("kind", "demo"), ("input", &quick.to_string())]));
    fs::remove_file(disk.path().join(FILLER)).unwrap();
    let job = api.start("demo", &quick);
    assert!(api.wait_for_end(&job).contains("<title>Succeeded: "));
    assert!(!api.get("/").contains("The disk is full"));
}

#[test]
fn unpack_export_and_import_stop_at_disk_reserve() {
    let Some(disk) = SmallDisk::mount("110m") else {
        return report_skipped("this system does not permit mounting a disk");
    };
    let root = TempDir::new().unwrap();
    let archive = root.path().join("noise.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    fs::write(root.path().join("noise"), noise(64 << 20)).unwrap();
    tar.append_path_with_name(root.path().join("noise"), "noise").unwrap();
    tar.into_inner().unwrap().flush().unwrap();
    let server = disk.start(&["--root", root.path().to_str().unwrap()]);
    let api = ApiClient::of(&server);
    let upload = |text: Vec<u8>| {
        let sent = api.1.post(server.url("/uploads?name=a.csv")).body(text).send().unwrap();
        sent.error_for_status().unwrap().json::<Value>().unwrap()["upload"].as_str().unwrap().to_owned()
    };
    let few = api.start("import-csv", &json!({ "file": upload(b"a,b\n1,2\n".to_vec()), "table": "few" }));
    assert!(api.wait_for_end(&few).contains("<title>Succeeded: "));
    let rows = "with recursive n(i) as (select 1 union all select i + 1 from n limit 60000) \
                select hex(zeroblob(500)) from n";
    // Rows that differ from each other.
    let line = |number: u32| format!("{number},{}\n", "x".repeat(2_000));
    let many = (0..13_000).flat_map(|number| line(number).into_bytes());
    let many = upload(b"a,b\n".iter().copied().chain(many).collect());
    for (kind, input) in [
        ("unpack", json!({ "path": archive })),
        ("sql-export", json!({ "query": rows })),
        ("import-csv", json!({ "file": many, "table": "many" })),
    ] {
        let job = api.start(kind, &input);
        api.wait_until_disk_full(&job);
        assert!(free_bytes(&disk.path()) > 40 << 20, "{kind} leaves the reserve");
    }
}

#[test]
fn job_over_write_limit_fails() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("noise"), noise(4 << 20)).unwrap();
    let arguments = ["--job-write-limit", "2MiB", "--root", root.path().to_str().unwrap()];
    let (server, _data) = ServerProcess::start_with(&arguments);
    let api = ApiClient::of(&server);
    let job = api.start("archive", &json!({ "folder": root.path() }));
    let page = api.wait_for_end(&job);
    assert!(page.contains("Error code <code>write_limit"), "{page}");
    assert!(page.contains("--job-write-limit"), "it says what to do: {page}");
}
