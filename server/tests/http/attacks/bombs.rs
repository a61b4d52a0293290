//! Files that are made to burst whoever reads them.

use std::{
    fs,
    io::{self, Cursor, Read},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use reqwest::blocking::Body;
use serde_json::{Value, json};

use crate::browser::Browser;

const MB: u64 = 1_000_000;
/// The most memory that the server takes for any of them beyond what it takes anyway, kB.
const MOST: u64 = 160_000;
/// How long somebody else waits meanwhile.
const SOON: Duration = Duration::from_secs(5);

/// The most memory that the server has taken, kB.
fn peak(browser: &Browser) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", browser.milepost.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Imports a file; answers how that ended.
fn import(browser: &Browser, name: &str, file: impl Read + Send + 'static) -> String {
    let sent = browser.client.post(browser.milepost.url(&format!("/uploads?name={name}.csv"))).body(Body::new(file));
    let upload: Value = sent.send().unwrap().error_for_status().unwrap().json().unwrap();
    let input = json!({ "file": upload["upload"], "table": name, "on_error": "skip" });
    let job = browser.start("import-csv", &input);
    let events = browser.get(&format!("/events?job={job}&until=end")).text().unwrap();
    let state = ["succeeded", "failed", "running", "interrupted"]
        .into_iter()
        .max_by_key(|state| events.rfind(&format!(r#""state":"{state}""#)).map_or(0, |at| at + 1));
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(!page.contains("panick"), "{name}: {page}");
    state.unwrap().to_owned()
}

fn repeated(text: &'static str, bytes: u64) -> impl Read + Send {
    struct Again(Cursor<Vec<u8>>);
    impl Read for Again {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() == self.0.get_ref().len() as u64 {
                self.0.set_position(0);
            }
            self.0.read(buffer)
        }
    }
    let whole = text.repeat((64 * 1024 / text.len()).max(1));
    Again(Cursor::new(whole.into_bytes())).take(bytes)
}

fn after(head: &'static str, rest: impl Read + Send) -> impl Read + Send {
    head.as_bytes().chain(rest)
}

#[test]
fn no_file_bursts_the_server() {
    let browser = Browser::new();
    let columns = (0..150_000).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    let bombs: Vec<(&str, Box<dyn Read + Send>, &[&str])> = vec![
        ("small", Box::new(Cursor::new("a,b\n1,2\n")), &["succeeded"]),
        ("endless_line", Box::new(repeated("x", 100 * MB)), &["failed"]),
        ("endless_later_line", Box::new(after("a,b\n1,2\n", repeated("x", 20 * MB))), &["succeeded", "failed"]),
        ("endless_header", Box::new(repeated("column,", 64 * MB)), &["failed"]),
        ("many_columns", Box::new(Cursor::new(columns)), &["failed"]),
        ("many_fields", Box::new(after("a,b\n", repeated(",", 5 * MB))), &["succeeded", "failed"]),
        ("endless_quotes", Box::new(after("a,b\n1,", repeated("\"", 20 * MB))), &["succeeded", "failed"]),
        ("open_quotes", Box::new(after("a,b\n", repeated("1,\"x\n", MB))), &["succeeded", "failed"]),
        ("nested_quotes", Box::new(after("a,b\n", repeated("\"\"\"\"\"\"\"\",\"\"\n", MB))), &["succeeded", "failed"]),
        ("empty_lines", Box::new(after("a,b\n", repeated("\n", 5 * MB))), &["succeeded", "failed"]),
        ("nothings", Box::new(repeated("\0", 10 * MB)), &["failed"]),
        ("gzip", Box::new(after("\u{1f}\u{8b}\u{8}\0", repeated("\u{1}\u{2}\n", MB))), &["succeeded", "failed"]),
        ("zip", Box::new(after("PK\u{3}\u{4}", repeated("\u{14}\0\0\0,", MB))), &["failed"]),
        ("nothing", Box::new(io::empty()), &["succeeded", "failed"]),
    ];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut worst = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(browser.milepost.status(&["GET /jobs HTTP/1.1", "host: localhost"]), 200);
                worst = worst.max(begun.elapsed());
                thread::sleep(Duration::from_millis(50));
            }
            worst
        });
        let mut before = 0;
        let done: Vec<String> = bombs
            .into_iter()
            .map(|(name, bomb, may_be)| {
                let begun = Instant::now();
                let state = import(&browser, name, bomb);
                let peak = peak(&browser);
                println!("{name}: {state} after {:?}, at most {peak} kB", begun.elapsed());
                if before == 0 {
                    before = peak;
                }
                let good = may_be.contains(&state.as_str()) && peak - before < MOST;
                if good { String::new() } else { format!("{name}: {state}, {peak} kB after {before} kB; ") }
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        let worst = others.join().unwrap();
        println!("others wait {worst:?} at most");
        assert_eq!(done.concat(), "");
        assert!(worst < SOON, "{worst:?}");
    });
}
