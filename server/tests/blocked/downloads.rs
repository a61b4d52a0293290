//! Long downloads: the latency of pages during many of them.

use std::{
    io::Read,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use reqwest::blocking::Client;

use super::{
    MAX_P99, ROUNDS, measure_alone, p99,
    support::{
        long_log,
        process::{ServerProcess, TIMEOUT},
    },
};

/// Parallel downloads.
const DOWNLOADS: usize = 20;
/// Lines of the log.
const LINES: u64 = 50_000;

/// Ends the downloads, also if the test panics.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn overview_is_quick_during_twenty_log_downloads() {
    let _alone = measure_alone();
    let (server, data) = ServerProcess::start();
    let client = Client::builder().timeout(3 * TIMEOUT).build().unwrap();
    let form = [("kind", "demo"), ("input", r#"{"seconds":0}"#)];
    client.post(server.url("/api/start_job")).form(&form).send().unwrap().error_for_status().unwrap();
    let begun = Instant::now();
    while !long_log::has_succeeded(data.path(), 1) {
        assert!(begun.elapsed() < TIMEOUT, "the job does not end");
    }
    long_log::replace_log(data.path(), 1, LINES);

    let (over, under_way) = (AtomicBool::new(false), Barrier::new(DOWNLOADS + 1));
    let mut rounds: Vec<Duration> = thread::scope(|scope| {
        let _end = StopOnDrop(&over);
        for _ in 0..DOWNLOADS {
            scope.spawn(|| {
                let download = || client.get(server.url("/jobs/1/log")).send().unwrap().error_for_status().unwrap();
                let mut log = download();
                under_way.wait();
                let mut part = vec![0; 64 << 10];
                while !over.load(Ordering::Relaxed) {
                    if log.read(&mut part).unwrap() == 0 {
                        log = download();
                    }
                }
            });
        }
        under_way.wait();
        (0..ROUNDS).map(|_| p99(&client, &server, &["/"], "Overview")).collect()
    });
    eprintln!("{DOWNLOADS} downloads: p99 of the overview {rounds:?}");
    rounds.sort_unstable();
    assert!(rounds[rounds.len() / 2] < MAX_P99, "p99 of the overview: {rounds:?}");
}
