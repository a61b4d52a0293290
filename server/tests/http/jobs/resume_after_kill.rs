//! Resume after kill: a killed server (SIGKILL) loses nothing that a checkpoint contains.

use std::{
    fs::{self, File},
    io::{Cursor, Write},
    path::Path,
    thread,
    time::Instant,
};

use image::{ImageFormat, Rgb, RgbImage};
use reqwest::blocking::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    browser::Browser,
    database::database,
    import_fixture::{assert_same_tables, orders_csv},
    link_target::LinkTarget,
    process::{ServerProcess, TIMEOUT},
};

/// The number of checkpoints.
fn count_checkpoints(data: &Path) -> i64 {
    database(&data.join("milepost.db"), async |connection| {
        sqlx::query_scalar("select count(*) from checkpoint").fetch_one(connection).await.unwrap()
    })
}

#[test]
fn link_check_resumes_from_checkpoint_after_kill() {
    let (site, address) = LinkTarget::start();
    let quick: Vec<String> = (0..12).map(|n| format!("/{}/{n}", if n % 4 == 0 { "missing" } else { "page" })).collect();
    let held: Vec<String> = (0..4).map(|n| format!("/held/{n}")).collect();
    let urls: Vec<String> = quick.iter().chain(&held).map(|path| format!("http://{address}{path}")).collect();
    let input = json!({ "urls": urls.join("\n"), "concurrency": 4, "per_host_per_second": 1_000, "timeout": 120 });
    let client = Client::builder().timeout(TIMEOUT).build().unwrap();

    let data = TempDir::new().unwrap();
    let first = ServerProcess::start_in(data.path(), &["--allow-private-links"]);
    let form = [("kind", "check-links".to_owned()), ("input", input.to_string())];
    let job = client.post(first.url("/api/start_job")).form(&form).send().unwrap().text().unwrap();
    let started_at = Instant::now();
    // All links have been requested, and a checkpoint follows within about a second.
    while held.iter().any(|path| site.requests_of(path) == 0) || count_checkpoints(data.path()) == 0 {
        assert!(started_at.elapsed() < TIMEOUT, "no checkpoint is made");
        thread::yield_now();
    }
    first.signal("KILL");
    first.wait();

    site.release();
    let second = ServerProcess::start_in(data.path(), &["--allow-private-links"]);
    client.get(second.url(&format!("/events?job={job}&until=end"))).send().unwrap().text().unwrap();
    let log = client.get(second.url(&format!("/jobs/{job}/log"))).send().unwrap().text().unwrap();
    assert!(log.contains("continues after 12 of 16 links"), "{log}");
    for path in &quick {
        assert_eq!(site.requests_of(path), 1, "{path}");
    }
    let report = client.get(second.url(&format!("/jobs/{job}/artifacts/links.csv"))).send().unwrap();
    let report = report.error_for_status().unwrap().text().unwrap();
    let links: Vec<&str> = report.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(links, urls, "each once, in the order of the list");
    assert_eq!(report.lines().filter(|line| line.contains(",404,")).count(), quick.len() / 4);
}

/// The number of the last attempt of a job.
fn attempts(browser: &Browser, job: i64) -> i64 {
    database(&browser.data().join("milepost.db"), async |connection| {
        sqlx::query_scalar("select attempt from job where id = ?").bind(job).fetch_one(connection).await.unwrap()
    })
}

/// The point at which a job is interrupted.
struct Interruption {
    kind: &'static str,
    /// A query of the checkpoint of a job: whether it is at that point, with work done.
    is_reached_sql: &'static str,
}

impl Interruption {
    /// Starts a job, kills its server at that point, and waits until the job, which continues by itself, has ended on the
    /// next server. `input` builds the input of a job of that size; it doubles where the machine is too fast.
    fn kill_and_resume(&self, mut browser: Browser, input: impl Fn(&Browser, u32) -> Value) -> (Browser, i64, Value) {
        for parts in (0..6).map(|doubled| 1 << doubled) {
            let input = input(&browser, parts);
            let job = browser.start(self.kind, &input);
            if !self.is_reached(&browser, job) {
                continue;
            }
            browser.server.signal("KILL");
            browser.server.wait_for_exit();
            browser = browser.start_next_server(&[]);
            browser.wait(&[job]);
            if attempts(&browser, job) == 1 {
                // It had already ended.
                continue;
            }
            let log = browser.page(&format!("/jobs/{job}/log"));
            if log.contains("published the table just before") {
                // It had nearly ended.
                continue;
            }
            assert!(log.contains("continues after") && !log.contains("starting over"), "{log}");
            return (browser, job, input);
        }
        panic!("{} ends before it can be killed, every time", self.kind);
    }

    /// Waits for such a checkpoint; `false` where the job ends before it.
    fn is_reached(&self, browser: &Browser, job: i64) -> bool {
        let started_at = Instant::now();
        database(&browser.data().join("milepost.db"), async |connection| {
            loop {
                let ended = sqlx::query_scalar("select ended_at is not null from job where id = ?").bind(job);
                if ended.fetch_one(&mut *connection).await.unwrap() {
                    return false;
                }
                let reached = sqlx::query_scalar::<_, Option<bool>>(self.is_reached_sql).bind(job);
                if reached.fetch_optional(&mut *connection).await.unwrap() == Some(Some(true)) {
                    return true;
                }
                assert!(started_at.elapsed() < TIMEOUT, "no checkpoint is made");
                thread::yield_now();
            }
        })
    }
}

#[test]
fn manifest_is_byte_identical_after_kill() {
    let hashing = Interruption {
        kind: "checksum",
        is_reached_sql: "select data ->> '$.done.size' > 0 from checkpoint where job = ?",
    };
    let (browser, job, input) = hashing.kill_and_resume(Browser::new(), |browser, parts| {
        let folder = browser.data().join("files").join(parts.to_string());
        fs::create_dir_all(&folder).unwrap();
        for number in 0..parts * 500 {
            let mut file = File::create(folder.join(number.to_string())).unwrap();
            write!(file, "file {number}").unwrap();
            // The rest is a hole of zeros, which takes no disk space, but time to hash.
            file.set_len(256 << 10).unwrap();
        }
        json!({ "folder": parts.to_string() })
    });
    let uninterrupted = browser.start("checksum", &input);
    browser.wait(&[uninterrupted]);
    let [kill_and_resume, whole] = [job, uninterrupted].map(|job| browser.artifact(job, "SHA256SUMS"));
    assert!(kill_and_resume.lines().count() >= 500);
    assert!(kill_and_resume == whole, "the manifests differ");
}

#[test]
fn import_has_same_rows_types_and_rejects_after_kill() {
    let loading = Interruption {
        kind: "import-csv",
        // The last checkpoint comes right before it publishes all rows.
        is_reached_sql: "select data ->> '$.rows' > 0 and data ->> '$.rows' < data ->> '$.plan.good' from checkpoint where job = ?",
    };
    let (browser, job, mut input) = loading.kill_and_resume(Browser::new(), |browser, parts| {
        let file = browser.upload(orders_csv(parts * 100_000));
        json!({ "file": file, "table": "pieces", "index": "day", "if_exists": "replace" })
    });
    input["table"] = json!("whole");
    let uninterrupted = browser.start("import-csv", &input);
    browser.wait(&[uninterrupted]);
    let [kill_and_resume, whole] = [job, uninterrupted].map(|job| browser.artifact(job, "rejected.csv"));
    assert!(kill_and_resume.lines().count() > 500);
    assert!(kill_and_resume == whole, "the rejected records differ");
    database(&browser.data().join("imports.db"), async |connection| assert_same_tables(connection).await);
}

#[test]
fn archive_has_same_content_after_kill() {
    let packing = Interruption {
        kind: "archive",
        is_reached_sql: "select data ->> '$.mark.archive' > 0 and not data ->> '$.packed' from checkpoint where job = ?",
    };
    let (browser, job, input) = packing.kill_and_resume(Browser::new(), |browser, parts| {
        let folder = browser.data().join("files").join(parts.to_string());
        fs::create_dir_all(&folder).unwrap();
        // Many files, and one that takes as long as all of them. Zeros take no disk space, but time to pack.
        for number in 0..parts * 100 {
            File::create(folder.join(number.to_string())).unwrap().set_len(1 << 20).unwrap();
        }
        File::create(folder.join("large")).unwrap().set_len((u64::from(parts) * 100) << 20).unwrap();
        json!({ "folder": parts.to_string(), "level": 1 })
    });
    let uninterrupted = browser.start("archive", &input);
    browser.wait(&[uninterrupted]);
    let [kill_and_resume, whole] = [job, uninterrupted].map(|job| browser.artifact(job, "B3SUMS"));
    assert!(kill_and_resume.lines().count() > 100);
    assert!(kill_and_resume == whole, "the manifests differ");
}

#[test]
fn images_are_byte_identical_after_kill() {
    let resizing = Interruption {
        kind: "resize-images",
        is_reached_sql: "select data ->> '$.mark.done' > 0 from checkpoint where job = ?",
    };
    let mut picture = Cursor::new(Vec::new());
    RgbImage::from_fn(600, 400, |x, y| Rgb([x as u8, y as u8, 0])).write_to(&mut picture, ImageFormat::Png).unwrap();
    let (browser, job, input) = resizing.kill_and_resume(Browser::new(), |browser, parts| {
        let folder = browser.data().join("files").join(parts.to_string());
        fs::create_dir_all(&folder).unwrap();
        for number in 0..parts * 50 {
            fs::write(folder.join(format!("{number}.png")), picture.get_ref()).unwrap();
        }
        json!({ "folder": parts.to_string(), "longest": 200, "format": "webp" })
    });
    let uninterrupted = browser.start("resize-images", &input);
    browser.wait(&[uninterrupted]);
    let [kill_and_resume, whole] = [job, uninterrupted].map(|job| {
        let zip = browser.get(&format!("/jobs/{job}/artifacts/images.zip")).error_for_status().unwrap();
        zip.bytes().unwrap()
    });
    assert!(kill_and_resume.starts_with(b"PK") && kill_and_resume == whole, "the images differ");
}
