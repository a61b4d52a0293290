//! Exactly-once publication: a worker is stopped (SIGSTOP) while it publishes the output of its job, and resumes after
//! it has lost the job. Wherever it stopped, nothing is published twice, and nothing without the job's knowledge.

mod scenario;
mod stopped_worker;

use std::fs;

use serde_json::json;

use scenario::{Publication, names_in, query_job, with_worker};
use stopped_worker::{
    Nth::{Last, Of},
    StopPoint,
};

use crate::support::{browser::Browser, database::database, link_target::LinkTarget};

/// The steps in which the artifact at `path` is written.
const fn artifact_write_points(path: &'static str) -> [StopPoint; 3] {
    [
        StopPoint::during("openat", path, Of(1)),
        StopPoint::during("write", path, Of(1)),
        StopPoint::during("fsync", path, Of(1)),
    ]
}

fn assert_no_artifact(browser: &Browser, job: i64) {
    assert_eq!(query_job(browser, "select count(*) from artifact where job = ?", job), 0);
}

/// Asserts that the job has one artifact, of its second attempt; returns its text.
fn one_artifact(browser: &Browser, job: i64, name: &str) -> String {
    let artifacts: Vec<(i64, String)> = database(&browser.data().join("milepost.db"), async |connection| {
        let select = sqlx::query_as("select attempt, name from artifact where job = ?").bind(job);
        select.fetch_all(connection).await.unwrap()
    });
    assert_eq!(artifacts, [(2, name.to_owned())]);
    browser.artifact(job, name)
}

#[test]
fn manifest_is_published_once_by_a_stopped_worker() {
    const MANIFEST: Publication = Publication {
        kind: "checksum",
        input: |browser| {
            let folder = browser.data().join("files/some");
            fs::create_dir_all(&folder).unwrap();
            for name in ["a", "b", "c"] {
                fs::write(folder.join(name), name).unwrap();
            }
            json!({ "folder": "some" })
        },
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| assert_eq!(one_artifact(browser, job, "SHA256SUMS").lines().count(), 3),
    };
    MANIFEST.check_exactly_once(&artifact_write_points("jobs/JOB/1/SHA256SUMS"));
}

#[test]
fn link_report_is_published_once_by_a_stopped_worker() {
    const REPORT: Publication = Publication {
        kind: "check-links",
        input: |_| {
            let (_, address) = LinkTarget::start();
            json!({ "urls": format!("http://{address}/a\nhttp://{address}/b") })
        },
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| assert_eq!(one_artifact(browser, job, "links.csv").lines().count(), 3),
    };
    REPORT.check_exactly_once(&artifact_write_points("jobs/JOB/1/links.csv"));
}

#[test]
fn demo_text_is_published_once_by_a_stopped_worker() {
    const TEXT: Publication = Publication {
        kind: "demo",
        input: |_| json!({ "seconds": 0 }),
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| assert_eq!(one_artifact(browser, job, "demo.txt").lines().count(), 1),
    };
    TEXT.check_exactly_once(&artifact_write_points("jobs/JOB/1/demo.txt"));
}

/// The content of `imports.db`: rows of the table, number of staging tables, number of imports of the job.
fn imported(browser: &Browser, job: i64) -> (Vec<i64>, i64, i64) {
    database(&browser.data().join("imports.db"), async |connection| {
        let rows = sqlx::query_scalar("select number from numbers order by 1").fetch_all(&mut *connection).await;
        let staging = "select count(*) from sqlite_schema where type = 'table' and name like '\\_staging%' escape '\\'";
        let staging = sqlx::query_scalar(staging).fetch_one(&mut *connection).await.unwrap();
        let imports = sqlx::query_scalar("select count(*) from _imports where job = ?").bind(job);
        (rows.unwrap(), staging, imports.fetch_one(connection).await.unwrap())
    })
}

#[test]
fn imported_rows_are_published_once_by_a_stopped_worker() {
    const ROWS: Publication = Publication {
        kind: "import-csv",
        // Appends to another import, so that duplicate rows would show.
        input: |browser| {
            let before = json!({ "file": browser.upload("number\n1\n2\n"), "table": "numbers" });
            with_worker(browser, || {
                let job = browser.start("import-csv", &before);
                browser.wait(&[job]);
            });
            let more = browser.upload("number\n3\n4\n5,5\n");
            json!({ "file": more, "table": "numbers", "if_exists": "append" })
        },
        assert_unpublished: |browser, job| {
            assert_no_artifact(browser, job);
            let (rows, _, imports) = imported(browser, job);
            assert_eq!((rows, imports), (vec![1, 2], 0));
        },
        assert_published_once: |browser, job| {
            assert_eq!(imported(browser, job), (vec![1, 2, 3, 4], 0, 1));
            assert!(one_artifact(browser, job, "rejected.csv").contains("5,5"));
        },
    };
    // The write lock of SQLite's WAL index (https://sqlite.org/walformat.html), taken by the transaction that
    // publishes.
    const WRITE_LOCK: &str = "l_type=F_WRLCK, l_whence=SEEK_SET, l_start=120";
    ROWS.check_exactly_once(&[
        StopPoint::during("fsync", "jobs/JOB/1/rejected.csv", Of(1)),
        StopPoint::during("fdatasync", "imports.db-wal", Of(1)),
        StopPoint::during("fdatasync", "imports.db-wal", Of(2)),
        StopPoint::during("fdatasync", "imports.db-wal", Of(3)),
        StopPoint::during("fcntl", "imports.db-shm", Last(WRITE_LOCK)),
        StopPoint::after("fdatasync", "imports.db-wal", Of(4)),
        StopPoint::after("close", "imports.db-wal", Of(1)),
    ]);
}

#[test]
fn backup_is_published_once_by_a_stopped_worker() {
    const COPY: Publication = Publication {
        kind: "backup",
        input: |_| json!({}),
        assert_unpublished: |browser, _| assert_eq!(names_in(browser, "backups"), [""; 0]),
        assert_published_once: |browser, job| {
            let names = names_in(browser, "backups");
            assert!(names.len() == 1 && names[0].ends_with(&format!("-{job}.db")), "{names:?}");
            let verdict: String = database(&browser.data().join("backups").join(&names[0]), async |connection| {
                sqlx::query_scalar("pragma integrity_check").fetch_one(connection).await.unwrap()
            });
            assert_eq!(verdict, "ok");
        },
    };
    const COPYING: &str = "backups/milepost-JOB-1.partial/copy.db.partial";
    COPY.check_exactly_once(&[
        StopPoint::during("openat", COPYING, Of(1)),
        StopPoint::during("pwrite64", COPYING, Of(1)),
        StopPoint::during("fsync", COPYING, Of(1)),
        StopPoint::during("rename", COPYING, Of(1)),
        StopPoint::after("fsync", "backups", Of(1)),
    ]);
}

#[test]
fn prune_removes_the_right_jobs_with_a_stopped_worker() {
    const REMOVAL: Publication = Publication {
        kind: "prune",
        input: |browser| {
            with_worker(browser, || {
                browser.wait(&[1, 2].map(|_| browser.start("demo", &json!({ "seconds": 0 }))));
                let failed = json!({ "seconds": 0, "ending": "fail" });
                browser.wait(&[browser.start("demo", &failed)]);
            });
            json!({ "succeeded": 0 })
        },
        // Jobs that were already removed stay removed; there is nothing else to check.
        assert_unpublished: |_, _| {},
        assert_published_once: |browser, _| {
            assert_eq!(query_job(browser, "select count(*) from job where id < 3", 0), 0);
            assert_eq!(query_job(browser, "select count(*) from job where id = 3", 0), 1);
            let folders = names_in(browser, "jobs");
            assert!(!folders.contains(&"1".to_owned()) && !folders.contains(&"2".to_owned()), "{folders:?}");
        },
    };
    // Not the files of the first job: a worker stopped there, during a cleanup of the database, would keep it locked.
    REMOVAL.check_exactly_once(&[
        StopPoint::during("unlinkat", "jobs/2/1", Of(1)),
        StopPoint::during("unlinkat", "jobs/2", Of(1)),
    ]);
}

/// Writes a file into a folder that tasks may read.
fn write_file(browser: &Browser, path: &str, content: &[u8]) {
    let path = browser.data().join("files").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn archive_is_published_once_by_a_stopped_worker() {
    const ARCHIVE: Publication = Publication {
        kind: "archive",
        input: |browser| {
            write_file(browser, "some/a", b"a");
            json!({ "folder": "some" })
        },
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| {
            let select = "select count(*) from artifact where job = ? and attempt = 2";
            assert_eq!(query_job(browser, select, job), 2);
            assert_eq!(browser.artifact(job, "B3SUMS").lines().count(), 1);
        },
    };
    ARCHIVE.check_exactly_once(&[
        StopPoint::during("linkat", "jobs/JOB/1/some.tar.zst", Of(1)),
        StopPoint::during("fsync", "jobs/JOB/1/some.tar.zst", Of(1)),
        StopPoint::during("fsync", "jobs/JOB/1/B3SUMS", Of(1)),
    ]);
}

/// Asserts that the one artifact is a zip file.
fn assert_one_zip(browser: &Browser, job: i64, name: &str) {
    assert_eq!(query_job(browser, "select count(*) from artifact where job = ? and attempt = 2", job), 1);
    let zip = browser.get(&format!("/jobs/{job}/artifacts/{name}")).error_for_status().unwrap().bytes().unwrap();
    assert!(zip.starts_with(b"PK"));
}

#[test]
fn unpacked_zip_is_published_once_by_a_stopped_worker() {
    const ZIP: Publication = Publication {
        kind: "unpack",
        input: |browser| {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            tar.append_data(&mut header, "a", [].as_slice()).unwrap();
            write_file(browser, "some.tar", &tar.into_inner().unwrap());
            json!({ "path": "some.tar" })
        },
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| assert_one_zip(browser, job, "some.zip"),
    };
    ZIP.check_exactly_once(&artifact_write_points("jobs/JOB/1/some.zip")[1..]);
}

#[test]
fn images_are_published_once_by_a_stopped_worker() {
    const IMAGES: Publication = Publication {
        kind: "resize-images",
        input: |browser| {
            let mut file = std::io::Cursor::new(Vec::new());
            image::RgbImage::new(9, 9).write_to(&mut file, image::ImageFormat::Png).unwrap();
            write_file(browser, "some/a.png", file.get_ref());
            json!({ "folder": "some" })
        },
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| assert_one_zip(browser, job, "images.zip"),
    };
    IMAGES.check_exactly_once(&artifact_write_points("jobs/JOB/1/images.zip")[1..]);
}

#[test]
fn sql_export_is_published_once_by_a_stopped_worker() {
    const EXPORT: Publication = Publication {
        kind: "sql-export",
        input: |browser| {
            let file = json!({ "file": browser.upload("number\n1\n2\n"), "table": "numbers" });
            with_worker(browser, || browser.wait(&[browser.start("import-csv", &file)]));
            json!({ "query": "select number from numbers order by 1" })
        },
        assert_unpublished: assert_no_artifact,
        assert_published_once: |browser, job| {
            assert_eq!(one_artifact(browser, job, "export.csv"), "number\r\n1\r\n2\r\n");
        },
    };
    EXPORT.check_exactly_once(&artifact_write_points("jobs/JOB/1/export.csv")[1..]);
}
