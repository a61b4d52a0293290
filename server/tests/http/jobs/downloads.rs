//! Downloads: artifacts with range requests, and logs.

use std::{
    fs,
    io::{BufRead, BufReader},
    time::Instant,
};

use reqwest::{
    StatusCode,
    blocking::{Client, RequestBuilder, Response},
    header,
};
use tempfile::TempDir;

use crate::support::{
    long_log,
    process::{ServerProcess, TIMEOUT},
};

/// A server with one succeeded job, whose artifact is `SHA256SUMS`.
struct SucceededJob {
    server: ServerProcess,
    job: u64,
    folders: [TempDir; 2],
}

impl SucceededJob {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        for name in ["one", "two", "three"] {
            fs::write(root.path().join(name), name).unwrap();
        }
        let (server, data) = ServerProcess::start_with(&["--root", root.path().to_str().unwrap()]);
        let input = serde_json::json!({ "folder": root.path(), "algorithm": "sha256" });
        let job = start(&server, "checksum", &input);
        let fixture = Self { server, job, folders: [root, data] };
        wait_for(|| fixture.artifact().send().unwrap().status() == StatusCode::OK);
        fixture
    }

    /// A request for a path below that of the job.
    fn get(&self, what: &str) -> RequestBuilder {
        Client::new().get(self.server.url(&format!("/jobs/{}/{what}", self.job)))
    }

    fn artifact(&self) -> RequestBuilder {
        self.get("artifacts/SHA256SUMS")
    }
}

/// Starts a job; returns its ID.
fn start(server: &ServerProcess, kind: &str, input: &serde_json::Value) -> u64 {
    let form = [("kind", kind), ("input", &input.to_string())];
    let text = Client::new().post(server.url("/api/start_job")).form(&form).send().unwrap().text().unwrap();
    text.parse().unwrap_or_else(|_| panic!("the job was not started: {text}"))
}

fn wait_for(mut happened: impl FnMut() -> bool) {
    let started_at = Instant::now();
    while !happened() {
        assert!(started_at.elapsed() < TIMEOUT, "it does not happen");
    }
}

fn header(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(&name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
}

#[test]
fn artifact_is_sent_whole_as_attachment() {
    let fixture = SucceededJob::new();
    let response = fixture.artifact().send().unwrap();
    assert_eq!(
        header(&response, header::CONTENT_DISPOSITION),
        "attachment; filename=\"SHA256SUMS\"; filename*=UTF-8''SHA256SUMS"
    );
    assert_eq!(header(&response, header::CONTENT_TYPE), "application/octet-stream");
    assert_eq!(header(&response, header::ACCEPT_RANGES), "bytes");
    let length: usize = header(&response, header::CONTENT_LENGTH).parse().unwrap();
    let text = response.text().unwrap();
    assert_eq!(text.len(), length);
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn range_request_resumes_a_download() {
    let fixture = SucceededJob::new();
    let whole = fixture.artifact().send().unwrap();
    let tag = header(&whole, header::ETAG).to_owned();
    let whole = whole.bytes().unwrap();

    let rest = fixture.artifact().header(header::RANGE, "bytes=10-").header(header::IF_RANGE, &tag).send().unwrap();
    assert_eq!(rest.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&rest, header::CONTENT_RANGE), format!("bytes 10-{}/{}", whole.len() - 1, whole.len()));
    assert_eq!(rest.bytes().unwrap(), whole[10..]);

    let last = fixture.artifact().header(header::RANGE, "bytes=-5").send().unwrap();
    assert_eq!(last.bytes().unwrap(), whole[whole.len() - 5..]);

    let other =
        fixture.artifact().header(header::RANGE, "bytes=10-").header(header::IF_RANGE, "\"other\"").send().unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    assert_eq!(other.bytes().unwrap(), whole);
}

#[test]
fn range_beyond_end_is_rejected_and_several_get_whole_file() {
    let fixture = SucceededJob::new();
    let beyond = fixture.artifact().header(header::RANGE, "bytes=100000-").send().unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let several = fixture.artifact().header(header::RANGE, "bytes=0-1,4-5").send().unwrap();
    assert_eq!(several.status(), StatusCode::OK);
    assert_eq!(several.text().unwrap().lines().count(), 3);
}

#[test]
fn range_suffix_longer_than_file_returns_all_of_it() {
    let fixture = SucceededJob::new();
    let whole = fixture.artifact().send().unwrap().bytes().unwrap();
    let all = fixture.artifact().header(header::RANGE, "bytes=-100000").send().unwrap();
    assert_eq!(all.status(), StatusCode::PARTIAL_CONTENT);
    let length = whole.len();
    assert_eq!(header(&all, header::CONTENT_RANGE), format!("bytes 0-{}/{length}", length - 1));
    assert_eq!(all.bytes().unwrap(), whole);
    let none = fixture.artifact().header(header::RANGE, "bytes=-0").send().unwrap();
    assert_eq!(none.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&none, header::CONTENT_RANGE), format!("bytes */{length}"));
}

#[test]
fn range_with_unknown_unit_or_invalid_syntax_is_ignored() {
    let fixture = SucceededJob::new();
    let whole = fixture.artifact().send().unwrap().bytes().unwrap();
    for range in
        ["lines=0-1", "0-1", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=+1-2", "bytes=1-2-3"]
    {
        let response = fixture.artifact().header(header::RANGE, range).send().unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{range}");
        assert_eq!(response.bytes().unwrap(), whole, "{range}");
    }
}

#[test]
fn range_unit_ignores_case_and_large_numbers_are_cut() {
    let fixture = SucceededJob::new();
    let whole = fixture.artifact().send().unwrap().bytes().unwrap();
    let ranges = [("Bytes=1-2", 1..3), ("BYTES=007-9", 7..10), ("bytes=9-99999999999999999999999", 9..whole.len())];
    for (range, part) in ranges {
        let response = fixture.artifact().header(header::RANGE, range).send().unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(response.bytes().unwrap(), whole[part], "{range}");
    }
}

#[test]
fn head_request_ignores_range() {
    let fixture = SucceededJob::new();
    let length = fixture.artifact().send().unwrap().bytes().unwrap().len().to_string();
    let address = fixture.server.url(&format!("/jobs/{}/artifacts/SHA256SUMS", fixture.job));
    for range in ["bytes=1-2", "bytes=100000-"] {
        let head = Client::new().head(&address).header(header::RANGE, range).send().unwrap();
        assert_eq!(head.status(), StatusCode::OK, "{range}");
        assert_eq!(header(&head, header::CONTENT_LENGTH), length, "{range}");
        assert!(head.headers().get(header::CONTENT_RANGE).is_none(), "{range}");
    }
}

#[test]
fn unchanged_artifact_returns_304() {
    let fixture = SucceededJob::new();
    let tag = header(&fixture.artifact().send().unwrap(), header::ETAG).to_owned();
    let again = fixture.artifact().header(header::IF_NONE_MATCH, tag).send().unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
}

#[test]
fn log_download_is_plain_text_with_every_line() {
    let (server, _data) = ServerProcess::start();
    let job = start(&server, "demo", &serde_json::json!({ "seconds": 1 }));
    let log = || Client::new().get(server.url(&format!("/jobs/{job}/log"))).send().unwrap();
    wait_for(|| log().text().unwrap().contains(" info "));
    let response = log();
    assert_eq!(header(&response, header::CONTENT_TYPE), "text/plain; charset=utf-8");
    assert!(header(&response, header::CONTENT_DISPOSITION).contains(&format!("job-{job}.log")));
    for line in response.text().unwrap().lines() {
        let mut words = line.split_whitespace();
        assert!(words.next().is_some_and(|at| at.ends_with('Z') && at.contains('T')), "{line}");
        assert!(words.next().is_some_and(|level| ["debug", "info", "warn", "error"].contains(&level)), "{line}");
    }
}

#[test]
fn log_download_is_linear_and_bounded_in_memory() {
    let (server, data) = ServerProcess::start_for_memory_test();
    let download = |lines: u64| {
        let job = start(&server, "demo", &serde_json::json!({ "seconds": 0 }));
        wait_for(|| long_log::has_succeeded(data.path(), job));
        long_log::replace_log(data.path(), job, lines);
        let (cpu, idle) = (server.cpu_time(), server.reset_peak_memory());
        let mut log = BufReader::new(Client::new().get(server.url(&format!("/jobs/{job}/log"))).send().unwrap());
        let (mut line, mut read) = (String::new(), 0);
        while log.read_line(&mut line).unwrap() > 0 {
            read += 1;
            assert!(line.ends_with(&format!(" info  {}\n", long_log::line(read))), "{line}");
            line.clear();
        }
        assert_eq!(read, lines);
        (server.cpu_time().saturating_sub(cpu), server.peak_memory() - idle)
    };
    // The first download warms up, so that one-time costs count for neither measurement.
    download(2_000);
    let (short, _) = download(40_000);
    let (long, grown) = download(200_000);
    assert!(long < 10 * short, "5 times the lines take {long:?} instead of {short:?}");
    assert!(grown < 20 << 20, "{} KiB more memory", grown >> 10);
}

#[test]
fn page_and_stream_read_only_the_end_of_a_long_log() {
    let (server, data) = ServerProcess::start_for_memory_test();
    let job = start(&server, "demo", &serde_json::json!({ "seconds": 0 }));
    wait_for(|| long_log::has_succeeded(data.path(), job));
    let get = |path: &str| Client::new().get(server.url(path)).send().unwrap().error_for_status().unwrap();
    let paths = [format!("/jobs/{job}"), format!("/jobs/{job}?from=1"), format!("/events/poll?job={job}")];
    for path in &paths {
        get(path).text().unwrap();
    }
    long_log::replace_log(data.path(), job, 200_000);
    let idle = server.reset_peak_memory();
    for path in &paths {
        let text = get(path).text().unwrap();
        let line = long_log::line(if path.ends_with("from=1") { 1 } else { 200_000 });
        assert!(text.contains(&line), "{path}");
    }
    let grown = server.peak_memory() - idle;
    assert!(grown < 16 << 20, "{} KiB more memory", grown >> 10);
}

#[test]
fn only_artifacts_of_the_job_are_served() {
    let fixture = SucceededJob::new();
    let assert_damaged = [
        "artifacts/other",
        "artifacts/..%2F..%2F..%2Fmilepost.db",
        "artifacts/%2Fetc%2Fpasswd",
        "artifacts/..",
        "artifacts/SHA256SUMS%00",
    ];
    for path in assert_damaged {
        let lines = [format!("GET /jobs/{}/{path} HTTP/1.1", fixture.job), "host: localhost".to_owned()];
        assert_eq!(fixture.server.status(&[&lines[0], &lines[1]]), 404, "{path}");
    }
    for path in ["/jobs/999999/artifacts/SHA256SUMS", "/jobs/999999/log"] {
        assert_eq!(fixture.server.status(&[&format!("GET {path} HTTP/1.1"), "host: localhost"]), 404, "{path}");
    }
}

#[test]
fn changed_or_removed_artifact_is_not_served() {
    let fixture = SucceededJob::new();
    let [_, data] = &fixture.folders;
    let file = data.path().join(format!("jobs/{}/1/SHA256SUMS", fixture.job));
    let whole = fs::read(&file).unwrap();
    let assert_damaged = |how: &str| {
        let response = fixture.artifact().header(header::RANGE, "bytes=0-3").send().unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR, "{how}");
        let text = response.text().unwrap();
        assert!(text.contains("SHA256SUMS of job #1 is damaged"), "{how}: {text}");
    };
    fs::write(&file, &whole[..whole.len() - 1]).unwrap();
    assert_damaged("shorter");
    fs::write(&file, [whole.as_slice(), b"x"].concat()).unwrap();
    assert_damaged("longer");
    fs::remove_file(&file).unwrap();
    assert_damaged("gone");
    fs::write(&file, &whole).unwrap();
    assert_eq!(fixture.artifact().send().unwrap().bytes().unwrap(), whole);
}

#[test]
fn all_files_are_one_zip_file() {
    let fixture = SucceededJob::new();
    let manifest = fixture.artifact().send().unwrap().bytes().unwrap();
    let response = fixture.get("artifacts").send().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/zip");
    assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; "));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(response.bytes().unwrap())).unwrap();
    assert_eq!(zip.file_names().map(Result::unwrap).collect::<Vec<_>>(), ["SHA256SUMS"]);
    let mut content = Vec::new();
    std::io::copy(&mut zip.by_index(0).unwrap(), &mut content).unwrap();
    assert_eq!(content, manifest);
}

#[test]
fn zip_file_of_a_damaged_file_breaks_off() {
    let fixture = SucceededJob::new();
    let file = fixture.folders[1].path().join(format!("jobs/{}/1/SHA256SUMS", fixture.job));
    fs::OpenOptions::new().append(true).open(file).unwrap().set_len(3).unwrap();
    let response = fixture.get("artifacts").send();
    assert!(response.and_then(Response::bytes).is_err(), "a download that is cut must not look complete");
}

#[test]
fn zip_file_of_unknown_job_is_404() {
    let fixture = SucceededJob::new();
    let of = |job: &str| Client::new().get(fixture.server.url(&format!("/jobs/{job}/artifacts"))).send().unwrap();
    for job in ["999", "x", "-1"] {
        assert_eq!(of(job).status(), StatusCode::NOT_FOUND, "{job}");
    }
}
