//! Uploads: storage, names, size limit, interruption, removal.

use std::{io::Write, net::Shutdown, path::Path};

use reqwest::blocking::{Client, multipart};
use serde_json::Value;

use crate::support::{
    database::database,
    process::{ServerProcess, TIMEOUT},
};

/// The number of files below a folder.
fn count_files(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

/// Waits until nothing of an interrupted upload is left.
pub(crate) fn wait_until_no_upload_is_kept(data: &Path) {
    let started_at = std::time::Instant::now();
    while count_files(&data.join("uploads")) > 0 {
        assert!(started_at.elapsed() < TIMEOUT, "part of the upload is kept");
        std::thread::yield_now();
    }
}

#[test]
fn upload_is_stored_whole_and_returns_its_id() {
    let (server, data) = ServerProcess::start();
    let bytes = vec![7; 3_000_000];
    let request = Client::new().post(server.url("/uploads?name=J%C3%A4nner+2026.csv")).body(bytes.clone());
    let response: Value = request.send().unwrap().json().unwrap();
    assert_eq!(response["size"], 3_000_000);
    assert_eq!(response["name"], "Jänner 2026.csv");
    assert_eq!(response["upload"].as_str().unwrap().len(), 32);
    assert_eq!(count_files(&data.path().join("uploads")), 1);

    let named = Client::new().post(server.url("/uploads")).header("x-file-name", "b%20c.csv").body("a\n");
    assert_eq!(named.send().unwrap().json::<Value>().unwrap()["name"], "b c.csv");

    let part = multipart::Part::bytes(bytes).file_name("orders.csv");
    let form = multipart::Form::new().text("note", "first").part("file", part);
    let response: Value = Client::new().post(server.url("/uploads")).multipart(form).send().unwrap().json().unwrap();
    assert_eq!((response["name"].as_str().unwrap(), response["size"].as_u64().unwrap()), ("orders.csv", 3_000_000));
}

#[test]
fn upload_name_cannot_escape_the_upload_folder() {
    let (server, data) = ServerProcess::start();
    for name in ["..%2F..%2Fescaped", "%2Fetc%2Fescaped", "a%00b", "..", "%0d%0aset-cookie:%20x"] {
        let response = Client::new().post(server.url(&format!("/uploads?name={name}"))).body("x").send().unwrap();
        let name_kept = response.json::<Value>().unwrap()["name"].as_str().unwrap().to_owned();
        assert!(!name_kept.contains(['/', '\0', '\r', '\n']) && name_kept != "..", "{name} became {name_kept:?}");
    }
    assert_eq!(count_files(&data.path().join("uploads")), 5);
    let not_utf_8 = Client::new().post(server.url("/uploads?name=%ff")).body("x").send().unwrap();
    assert_eq!(not_utf_8.status(), 400);
}

#[test]
fn upload_over_limit_is_rejected_and_not_kept() {
    let (server, data) = ServerProcess::start_with(&["--upload-limit", "1MB"]);
    let too_much = vec![b'x'; 5_000_000];
    let announced = Client::new().post(server.url("/uploads")).body(too_much.clone()).send().unwrap();
    let stream = reqwest::blocking::Body::new(std::io::Cursor::new(too_much.clone()));
    let unannounced = Client::new().post(server.url("/uploads")).body(stream).send().unwrap();
    let part = multipart::Part::bytes(too_much).file_name("big.csv");
    let form = multipart::Form::new().part("file", part);
    let in_a_form = Client::new().post(server.url("/uploads")).multipart(form).send().unwrap();
    for response in [announced, unannounced, in_a_form] {
        assert_eq!(response.status(), 413);
        let error: Value = response.json().unwrap();
        assert_eq!(error["code"], "too_large");
        assert!(error["message"].as_str().unwrap().contains("1.0 MB"), "{error}");
    }
    wait_until_no_upload_is_kept(data.path());
}

#[test]
fn announced_size_over_limit_is_rejected_at_once() {
    let (server, _data) = ServerProcess::start_with(&["--upload-limit", "1MB"]);
    assert_eq!(server.status(&["POST /uploads HTTP/1.1", "host: localhost", "content-length: 99000000"]), 413);
}

#[test]
fn interrupted_upload_is_not_kept() {
    let (server, data) = ServerProcess::start();
    let mut stream = server.connect();
    let head = "POST /uploads?name=half HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b'x'; 300_000]).unwrap();
    let started_at = std::time::Instant::now();
    while count_files(&data.path().join("uploads")) == 0 {
        assert!(started_at.elapsed() < TIMEOUT, "the upload never began");
        std::thread::yield_now();
    }
    stream.shutdown(Shutdown::Both).unwrap();
    wait_until_no_upload_is_kept(data.path());
}

#[test]
fn job_with_changed_or_removed_upload_is_rejected() {
    let (server, data) = ServerProcess::start();
    let client = Client::new();
    let sent = client.post(server.url("/uploads?name=a.csv")).body("a,b\n1,2\n").send().unwrap();
    let id = sent.json::<Value>().unwrap()["upload"].as_str().unwrap().to_owned();
    let start = || {
        let input = serde_json::json!({ "file": id, "table": "orders" }).to_string();
        let form = [("kind", "import-csv"), ("input", &input)];
        client.post(server.url("/api/start_job")).form(&form).send().unwrap()
    };
    let file = data.path().join("uploads").join(&id);
    for change in [|file: &Path| std::fs::write(file, "a").unwrap(), |file: &Path| std::fs::remove_file(file).unwrap()]
    {
        change(&file);
        let rejected = start();
        assert_eq!(rejected.status(), 422);
        let rejection: Value = rejected.json().unwrap();
        assert!(rejection.to_string().contains("send the file again"), "{rejection}");
        assert!(rejection.to_string().contains("\"file\""), "it names the field: {rejection}");
    }
}

#[test]
fn upload_is_in_the_audit_log() {
    let (server, data) = ServerProcess::start();
    Client::new().post(server.url("/uploads?name=a.csv")).body("a,b\n").send().unwrap().error_for_status().unwrap();
    let detail: String = database(&data.path().join("milepost.db"), async |connection| {
        let select = "select detail from audit where what = 'file_uploaded' and address is not null";
        sqlx::query_scalar(select).fetch_one(connection).await.unwrap()
    });
    assert_eq!(detail, "a.csv (4 B)");
}
