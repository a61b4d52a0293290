//! A full disk is told as what it is, and does no harm.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    time::Instant,
};

use reqwest::blocking::{Body, Client, Response};
use serde_json::Value;

use crate::milepost::{Milepost, PATIENCE, skipped};

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
fn on_small_disk() -> Option<Milepost> {
    let milepost = Milepost::start_on_small_disk("80m");
    if milepost.is_none() {
        skipped("this system lets nobody mount a disk of their own");
    }
    milepost
}

#[test]
fn a_job_whose_files_find_no_room_fails_for_that_and_publishes_none() {
    let Some(milepost) = on_small_disk() else { return };
    let (disk, client) = (milepost.small_disk(), Client::new());
    let start = || {
        let arguments = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
        let started = client.post(milepost.url("/api/start_job")).form(&arguments).send().unwrap();
        started.error_for_status().unwrap().text().unwrap()
    };
    // Afterwards the log of the database begins at its start again, and has room of its own for a start and an end.
    for _ in 0..200 {
        start();
    }
    let ended = format!("/events?job={}&until=end", start());
    client.get(milepost.url(&ended)).send().unwrap().text().unwrap();
    fill(&disk);
    let job = start();
    let page = || client.get(milepost.url(&format!("/jobs/{job}"))).send().unwrap().text().unwrap();
    let begun = Instant::now();
    while !page().contains("Error code <code>disk_full</code>") {
        assert!(begun.elapsed() < PATIENCE, "its file finds no room: {}", page());
    }
    assert!(!page().contains("/artifacts/"), "half a file is none");
    let kept = fs::read_dir(disk.join("jobs").join(&job)).map_or(0, Iterator::count);
    assert_eq!(kept, 0, "nothing of it is kept");
}

#[test]
fn a_full_disk_is_answered_507_and_harms_nothing() {
    let Some(milepost) = on_small_disk() else { return };
    let (disk, client) = (milepost.small_disk(), Client::new());
    let start = || {
        let arguments = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
        client.post(milepost.url("/api/start_job")).form(&arguments).send().unwrap()
    };
    let upload = |body: Body| client.post(milepost.url("/uploads?name=a.csv")).body(body).send().unwrap();
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
    let page = client.get(milepost.url("/jobs/1")).send().unwrap();
    assert_eq!(page.status().as_u16(), 200, "what there is can be read");

    fs::remove_file(disk.join(FILLER)).unwrap();
    assert_eq!(start().status().as_u16(), 200);
    assert_eq!(upload(small()).status().as_u16(), 200);
}
