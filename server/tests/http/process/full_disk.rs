//! A full disk is told as what it is, and does no harm.

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

/// Takes all the room that is left.
fn fill(disk: &Path) {
    let mut filler = fs::File::options().create(true).append(true).open(disk.join(FILLER)).unwrap();
    for size in [65_536, 4_096, 1] {
        while filler.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

fn assert_refused(answer: Response) {
    assert_eq!(answer.status().as_u16(), 507);
    let refusal: Value = answer.json().unwrap();
    assert_eq!(refusal["code"], "disk_full");
    assert!(refusal["message"].as_str().unwrap().contains("free some space"), "{refusal}");
}

/// A server on a disk of 80 MB, where the system lets us mount one.
fn on_small_disk() -> Option<ServerProcess> {
    let server = ServerProcess::start_on_small_disk("80m");
    if server.is_none() {
        report_skipped("this system lets nobody mount a disk of their own");
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
    // Afterwards the log of the database begins at its start again, and has room of its own for a start and an end.
    for _ in 0..200 {
        start();
    }
    let ended = format!("/events?job={}&until=end", start());
    client.get(server.url(&ended)).send().unwrap().text().unwrap();
    fill(&disk);
    let job = start();
    let page = || client.get(server.url(&format!("/jobs/{job}"))).send().unwrap().text().unwrap();
    let begun = Instant::now();
    while !page().contains("Error code <code>disk_full") {
        assert!(begun.elapsed() < TIMEOUT, "its file finds no room: {}", page());
    }
    assert!(!page().contains("/artifacts/"), "half a file is none");
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
    // Of unknown length, so that the disk itself says no.
    assert_refused(upload(Body::new(std::io::repeat(b'a').take(96 << 20))));
    assert_eq!(fs::read_dir(disk.join("uploads")).unwrap().count(), 0, "no part of them is kept");
    assert_eq!(upload(small()).status().as_u16(), 200, "there is room for a small one");

    fill(&disk);
    // The log of the database has some room of its own.
    let refused = std::iter::repeat_with(|| {
        fill(&disk);
        start()
    });
    assert_refused(refused.take(2_000).find(|answer| answer.status().as_u16() != 200).expect("it is full at last"));
    assert_refused(upload(small()));
    let page = client.get(server.url("/jobs/1")).send().unwrap();
    assert_eq!(page.status().as_u16(), 200, "what there is can be read");

    fs::remove_file(disk.join(FILLER)).unwrap();
    assert_eq!(start().status().as_u16(), 200);
    assert_eq!(upload(small()).status().as_u16(), 200);
}

/// What is free on a disk, bytes.
fn free(disk: &Path) -> u64 {
    let about = rustix::fs::statvfs(disk).unwrap();
    about.f_bavail * about.f_frsize
}

/// Bytes that nothing makes smaller.
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

/// Calls on a server, and waits for what comes of them.
struct Caller<'a>(&'a ServerProcess, Client);

impl<'a> Caller<'a> {
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

    /// Waits for the end of a job; its page then.
    fn end(&self, job: &str) -> String {
        self.get(&format!("/events?job={job}&until=end"));
        self.get(&format!("/jobs/{job}"))
    }
}

#[test]
fn archive_stops_at_disk_reserve_and_other_jobs_continue() {
    let Some(disk) = SmallDisk::mount("110m") else {
        return report_skipped("this system lets nobody mount a disk of their own");
    };
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("noise"), noise(64 << 20)).unwrap();
    let folder = json!({ "folder": root.path() });
    for _ in 0..3 {
        let server = disk.start(&["--root", root.path().to_str().unwrap()]);
        let caller = Caller::of(&server);
        let job = caller.start("archive", &folder);
        let page = caller.end(&job);
        assert!(page.contains("Error code <code>disk_full"), "{page}");
        assert!(!disk.path().join("jobs").join(&job).join("work").exists(), "its working files are gone");
        assert!(free(&disk.path()) > 60 << 20, "and the room is back");
        let other = caller.start("demo", &json!({ "seconds": 0 }));
        assert!(caller.end(&other).contains("<title>Succeeded: "), "others find room");
        assert_eq!(caller.call("delete_job", &[("id", &job)]).status().as_u16(), 200);
        server.signal("KILL");
        server.wait();
    }
}

#[test]
fn full_disk_leaves_room_to_cancel_delete_and_restart() {
    let Some(disk) = SmallDisk::mount("90m") else {
        return report_skipped("this system lets nobody mount a disk of their own");
    };
    let server = disk.start(&[]);
    let caller = Caller::of(&server);
    let quick = json!({ "seconds": 0 });
    let (old, older) = (caller.start("demo", &quick), caller.start("demo", &quick));
    caller.end(&old);
    caller.end(&older);
    let running = caller.start("demo", &json!({ "seconds": 600 }));
    fill(&disk.path());
    let start = || caller.call("start_job", &[("kind", "demo"), ("input", &quick.to_string())]);
    // The log of the database has some room of its own.
    let refused = std::iter::repeat_with(start).take(2_000).find(|answer| answer.status().as_u16() != 200);
    assert_refused(refused.expect("it is full at last"));
    assert!(caller.get("/").contains("The disk is full"), "{}", caller.get("/"));
    assert_eq!(caller.call("cancel_job", &[("id", &running)]).status().as_u16(), 200);
    assert!(caller.end(&running).contains("<title>Cancelled: "), "its end is written");
    assert_eq!(caller.call("delete_job", &[("id", &old)]).status().as_u16(), 200);
    server.signal("TERM");
    assert!(server.wait().success());

    let server = disk.start(&[]);
    let caller = Caller::of(&server);
    assert!(caller.get(&format!("/jobs/{running}")).contains("<title>Cancelled: "), "people can look");
    assert_eq!(caller.call("delete_job", &[("id", &older)]).status().as_u16(), 200, "and remove");
    assert_refused(caller.call("start_job", &[("kind", "demo"), ("input", &quick.to_string())]));
    fs::remove_file(disk.path().join(FILLER)).unwrap();
    let job = caller.start("demo", &quick);
    assert!(caller.end(&job).contains("<title>Succeeded: "));
    assert!(!caller.get("/").contains("The disk is full"));
}

#[test]
fn unpack_export_and_import_stop_at_disk_reserve() {
    let Some(disk) = SmallDisk::mount("110m") else {
        return report_skipped("this system lets nobody mount a disk of their own");
    };
    let root = TempDir::new().unwrap();
    let archive = root.path().join("noise.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).unwrap());
    fs::write(root.path().join("noise"), noise(64 << 20)).unwrap();
    tar.append_path_with_name(root.path().join("noise"), "noise").unwrap();
    tar.into_inner().unwrap().flush().unwrap();
    let server = disk.start(&["--root", root.path().to_str().unwrap()]);
    let caller = Caller::of(&server);
    let upload = |text: Vec<u8>| {
        let sent = caller.1.post(server.url("/uploads?name=a.csv")).body(text).send().unwrap();
        sent.error_for_status().unwrap().json::<Value>().unwrap()["upload"].as_str().unwrap().to_owned()
    };
    let few = caller.start("import-csv", &json!({ "file": upload(b"a,b\n1,2\n".to_vec()), "table": "few" }));
    assert!(caller.end(&few).contains("<title>Succeeded: "));
    let rows = "with recursive n(i) as (select 1 union all select i + 1 from n limit 60000) \
                select hex(zeroblob(500)) from n";
    // Rows that no line is like another of.
    let line = |number: u32| format!("{number},{}\n", "x".repeat(2_000));
    let many = (0..13_000).flat_map(|number| line(number).into_bytes());
    let many = upload(b"a,b\n".iter().copied().chain(many).collect());
    for (kind, input) in [
        ("unpack", json!({ "path": archive })),
        ("sql-export", json!({ "query": rows })),
        ("import-csv", json!({ "file": many, "table": "many" })),
    ] {
        let job = caller.start(kind, &input);
        let page = caller.end(&job);
        assert!(page.contains("Error code <code>disk_full"), "{kind}: {page}");
        assert!(free(&disk.path()) > 40 << 20, "{kind} leaves the reserve");
    }
}

#[test]
fn job_over_write_limit_fails() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("noise"), noise(4 << 20)).unwrap();
    let arguments = ["--job-write-limit", "2MiB", "--root", root.path().to_str().unwrap()];
    let (server, _data) = ServerProcess::start_with(&arguments);
    let caller = Caller::of(&server);
    let job = caller.start("archive", &json!({ "folder": root.path() }));
    let page = caller.end(&job);
    assert!(page.contains("Error code <code>write_limit"), "{page}");
    assert!(page.contains("--job-write-limit"), "it says what to do: {page}");
}
