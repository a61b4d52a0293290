//! A server that is killed loses nothing that a checkpoint has kept.

use std::{path::Path, thread, time::Instant};

use reqwest::blocking::Client;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    database::database,
    milepost::{Milepost, PATIENCE},
    site::Site,
};

/// How many checkpoints there are.
fn checkpoints(data: &Path) -> i64 {
    database(&data.join("milepost.db"), async |connection| {
        sqlx::query_scalar("select count(*) from checkpoint").fetch_one(connection).await.unwrap()
    })
}

#[test]
fn a_check_of_links_goes_on_where_its_server_was_killed() {
    let (site, address) = Site::start();
    let quick: Vec<String> = (0..12).map(|n| format!("/{}/{n}", if n % 4 == 0 { "missing" } else { "page" })).collect();
    let held: Vec<String> = (0..4).map(|n| format!("/held/{n}")).collect();
    let urls: Vec<String> = quick.iter().chain(&held).map(|path| format!("http://{address}{path}")).collect();
    let input = json!({ "urls": urls.join("\n"), "concurrency": 4, "per_host_per_second": 1_000, "timeout": 120 });
    let client = Client::builder().timeout(PATIENCE).build().unwrap();

    let data = TempDir::new().unwrap();
    let first = Milepost::start_in(data.path(), &["--allow-private-links"]);
    let form = [("kind", "check-links".to_owned()), ("input", input.to_string())];
    let job = client.post(first.url("/api/start_job")).form(&form).send().unwrap().text().unwrap();
    let begun = Instant::now();
    // All that can be answered has been asked, and then a checkpoint is made: within a second, about.
    while held.iter().any(|path| site.asked(path) == 0) || checkpoints(data.path()) == 0 {
        assert!(begun.elapsed() < PATIENCE, "no checkpoint is made");
        thread::yield_now();
    }
    first.signal("KILL");
    first.wait();

    site.let_go();
    let second = Milepost::start_in(data.path(), &["--allow-private-links"]);
    client.post(second.url("/api/retry_job")).form(&[("id", &job)]).send().unwrap().error_for_status().unwrap();
    client.get(second.url(&format!("/events?job={job}&until=end"))).send().unwrap().text().unwrap();
    let log = client.get(second.url(&format!("/jobs/{job}/log"))).send().unwrap().text().unwrap();
    assert!(log.contains("continues after 12 of 16 links"), "{log}");
    for path in &quick {
        assert_eq!(site.asked(path), 1, "{path}");
    }
    let report = client.get(second.url(&format!("/jobs/{job}/artifacts/links.csv"))).send().unwrap();
    let report = report.error_for_status().unwrap().text().unwrap();
    let links: Vec<&str> = report.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(links, urls, "each once, in the order of the list");
    assert_eq!(report.lines().filter(|line| line.contains(",404,")).count(), quick.len() / 4);
}
