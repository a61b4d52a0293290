//! Event streams of the built program: drain, restart, limits, headers, locked database.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
    sync::mpsc,
};

use crate::support::{
    accounts::{ADA, ServerWithAccounts, UserClient},
    browser::Browser,
    database::database,
    event_reader::EventReader,
    process::{ServerProcess, TIMEOUT, WorkerProcess},
};

const STREAMS: usize = 5_000;
/// The grace of jobs, and the deadline of the process after the grace.
const GRACE: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(6);

/// All bytes of a stream, and the time of its end.
struct ReceivedStream {
    text: String,
    ended: Instant,
}

/// Reads a stream to its end; sends on `ready` once it has the snapshot.
async fn read_stream(addr: std::net::SocketAddr, ready: mpsc::Sender<()>) -> ReceivedStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let (mut text, mut piece, mut ready) = (Vec::new(), [0; 4096], Some(ready));
    loop {
        let read = stream.read(&mut piece).await.expect("no connection breaks");
        text.extend_from_slice(&piece[..read]);
        if text.windows(16).any(|words| words == b"\nevent: snapshot")
            && let Some(ready) = ready.take()
        {
            ready.send(()).await.unwrap();
        }
        if read == 0 {
            return ReceivedStream { text: String::from_utf8(text).unwrap(), ended: Instant::now() };
        }
    }
}

/// A field in the data of the last event.
fn last_event_field(text: &str, field: &str) -> Value {
    let data = text.lines().rfind(|line| line.starts_with("data: ")).unwrap();
    serde_json::from_str::<Value>(&data[6..]).unwrap()[field].clone()
}

#[test]
fn case_09_five_thousand_streams_drain_before_exit() {
    rlimit::increase_nofile_limit(STREAMS as u64 + 1_000).unwrap();
    let mut browser = Browser::with_arguments(&["--shutdown-grace", "1s", "--streams-per-address", "6000"]);
    let job = browser.start_long_job();
    let runtime = Runtime::new().unwrap();
    let (ready, mut ready_streams) = mpsc::channel(STREAMS);
    let streams: Vec<_> =
        (0..STREAMS).map(|_| runtime.spawn(read_stream(browser.server.addr, ready.clone()))).collect();
    runtime.block_on(async {
        for _ in 0..STREAMS {
            ready_streams.recv().await.unwrap();
        }
    });

    let signalled_at = Instant::now();
    browser.server.signal("TERM");
    let status = browser.server.wait_for_exit();
    let took = signalled_at.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < GRACE + DEADLINE, "it took {took:?}");
    println!("ended after {took:?}");

    let (mut ends, mut waits) = (BTreeMap::<u64, usize>::new(), BTreeMap::<u64, usize>::new());
    for stream in streams {
        let received = runtime.block_on(stream).unwrap();
        assert!(received.text.ends_with("\n\n\r\n0\r\n\r\n"), "the body ends, it does not break: {}", received.text);
        assert_eq!(last_event_field(&received.text, "reason"), "drain");
        *waits.entry(last_event_field(&received.text, "retry_ms").as_u64().unwrap() / 250).or_default() += 1;
        *ends.entry(received.ended.duration_since(signalled_at).as_millis() as u64 / 250).or_default() += 1;
    }
    println!("ends by quarters of a second: {ends:?}; when they are to come back: {waits:?}");
    for spread in [ends, waits] {
        assert!(spread.values().all(|count| *count < STREAMS / 3), "not all at once: {spread:?}");
    }

    let browser = browser.start_next_server(&[]);
    let page = browser.page(&format!("/jobs/{job}"));
    assert!(page.contains("Returned to the queue"), "and its state is known");
}

/// Collects the events of a job stream by the sequence number in their ID; ignores a line that was cut short.
fn collect_events(text: &str, into: &mut BTreeMap<i64, String>) {
    let mut seq = None;
    for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
        if let Some(id) = line.strip_prefix("id: ") {
            seq = id.trim().split_once('.').map(|(_, seq)| seq.parse().unwrap());
        } else if let Some(data) = line.strip_prefix("data: ")
            && let Some(seq) = seq.take()
        {
            // After a reconnect with an older cursor, a sequence number comes again, but never with other data.
            let data: Value = serde_json::from_str(data).unwrap();
            if data["jobs"].is_null() {
                let data = data.to_string();
                let known = into.insert(seq, data.clone());
                assert!(known.is_none_or(|known| known == data), "number {seq} was given twice");
            }
        }
    }
}

#[test]
fn case_10_killed_server_repeats_no_seq_and_leaves_no_gap() {
    let mut browser = Browser::new();
    let mut events = BTreeMap::new();
    let epoch = |browser: &Browser| {
        database(&browser.data().join("milepost.db"), async |connection| {
            sqlx::query_scalar::<_, String>("select epoch from ledger").fetch_one(connection).await.unwrap()
        })
    };
    let log = epoch(&browser);
    let mut cursor = format!("{log}.0");
    for round in 0..5 {
        let url = browser.server.url(&format!("/events?topic=jobs&after={cursor}"));
        let listening = thread::spawn(move || {
            let mut response =
                reqwest::blocking::Client::builder().timeout(None).build().unwrap().get(url).send().unwrap();
            let mut received = Vec::new();
            // Mostly interrupted in the middle.
            let _ = std::io::copy(&mut response, &mut received);
            String::from_utf8_lossy(&received).into_owned()
        });
        let form = [("kind", "demo".to_owned()), ("input", json!({ "seconds": 0 }).to_string())];
        let start = browser.server.url("/api/start_job");
        let starting: Vec<_> = (0..4)
            .map(|_| {
                let (client, form, start) = (browser.client.clone(), form.clone(), start.clone());
                thread::spawn(move || while client.post(&start).form(&form).send().is_ok() {})
            })
            .collect();
        thread::sleep(Duration::from_millis(300 + 70 * round));
        browser.server.signal("KILL");
        browser.server.wait_for_exit();
        for start in starting {
            start.join().unwrap();
        }
        collect_events(&listening.join().unwrap(), &mut events);
        if let Some((seq, _)) = events.last_key_value() {
            cursor = format!("{log}.{seq}");
        }
        browser = browser.start_next_server(&[]);
        assert_eq!(epoch(&browser), log, "the epoch stays");
    }
    // Waits until all jobs have ended.
    let unfinished = "select count(*) from job where ended_at is null";
    let started_at = Instant::now();
    while database(&browser.data().join("milepost.db"), async |connection| {
        sqlx::query_scalar::<_, i64>(unfinished).fetch_one(connection).await.unwrap()
    }) > 0
    {
        assert!(started_at.elapsed() < TIMEOUT, "not all end");
    }
    let polled = browser.page(&format!("/events/poll?topic=jobs&after={cursor}"));
    assert!(!polled.contains(r#""event":"snapshot""#), "the server can resume from {cursor}");
    for line in polled.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some((_, seq)) = line["id"].as_str().and_then(|id| id.split_once('.'))
            && line["event"] == "state"
        {
            let (seq, data) = (seq.parse().unwrap(), line["data"].to_string());
            assert!(events.insert(seq, data.clone()).is_none_or(|known| known == data), "number {seq} was given twice");
        }
    }
    // The events agree with the database.
    let mut shown = BTreeMap::new();
    for event in events.values() {
        let event: Value = serde_json::from_str(event).unwrap();
        if let (Some(job), Some(state)) = (event["job"].as_i64(), event["state"].as_str()) {
            shown.insert(job, state.to_owned());
        }
    }
    let stored: BTreeMap<i64, String> = database(&browser.data().join("milepost.db"), async |connection| {
        let rows = sqlx::query("select id, state from job").fetch_all(connection).await.unwrap();
        rows.into_iter().map(|row| (row.get(0), row.get(1))).collect()
    });
    assert!(stored.len() > 20, "jobs were started");
    assert_eq!(shown, stored);
}

#[test]
fn case_17_stream_limits_per_session_token_and_address() {
    let (server, link) = ServerWithAccounts::new(&["--streams-per-session", "2", "--streams-per-address", "5"]);
    let ada = server.new_client();
    ada.redeem_link(&link, ADA);
    let program = ada.api_client("reader", &[model::Scope::Read]);
    let status = |user: &UserClient| {
        let request = user.request(reqwest::Method::GET, "/events?topic=jobs");
        let response = user.send(request.header("accept", "application/x-ndjson"));
        (response.status().as_u16(), response)
    };
    let open: Vec<_> = [&ada, &ada, &program, &program].map(&status).into();
    assert!(open.iter().all(|(status, _)| *status == 200));
    for user in [&ada, &program] {
        let (rejected, response) = status(user);
        assert_eq!((rejected, response.headers()["retry-after"].to_str().unwrap()), (429, "30"));
        assert_eq!(response.json::<Value>().unwrap()["code"], "too_many_requests");
    }
    let again = server.new_client();
    again.sign_in(ADA);
    let (fifth, _fifth) = status(&again);
    assert_eq!(fifth, 200);
    assert_eq!(status(&again).0, 429, "the address has no permit left, though the session has");
    assert_eq!(ada.get("/jobs").status(), 200);
    drop(open);
    let started_at = Instant::now();
    while status(&ada).0 != 200 {
        assert!(started_at.elapsed() < TIMEOUT, "no permit is released");
    }
}

#[test]
fn stream_limit_per_user_spans_sessions_and_tokens() {
    let (server, link) = ServerWithAccounts::new(&["--streams-per-user", "2"]);
    let ada = server.new_client();
    ada.redeem_link(&link, ADA);
    let program = ada.api_client("reader", &[model::Scope::Read]);
    let ben = server.add_user(&ada, "ben", "viewer");
    let open = |user: &UserClient| {
        let request = user.request(reqwest::Method::GET, "/events?topic=jobs");
        user.send(request.header("accept", "application/x-ndjson"))
    };
    let _streams = [&ada, &program].map(open);
    for user in [&ada, &program] {
        let rejected = open(user);
        assert_eq!(rejected.status(), 429);
        assert!(rejected.text().unwrap().contains("This user has as many event streams open as one may"));
    }
    assert_eq!(open(&ben).status(), 200, "another user");
}

#[test]
fn case_17_too_long_stream_query_is_rejected() {
    let (server, _data) = ServerProcess::start();
    let ask = |path: String| server.status(&[&format!("GET {path} HTTP/1.1"), "host: localhost"]);
    let many = |count: usize| (0..count).map(|job| format!("row={job}")).collect::<Vec<_>>().join("&");
    assert_eq!(ask(format!("/events/poll?{}", many(500))), 200);
    for path in ["/events", "/events/poll"] {
        assert_eq!(ask(format!("{path}?{}", many(501))), 400);
        assert_eq!(ask(format!("{path}?after={}", "1".repeat(60_000))), 400);
        assert_eq!(ask(format!("{path}?topic={}", "x".repeat(60_000))), 400);
        assert!(matches!(ask(format!("{path}?{}", many(20_000))), 414 | 431));
    }
}

#[test]
fn case_13_stream_is_neither_compressed_nor_cached() {
    let (server, _data) = ServerProcess::start();
    for accept in ["text/event-stream", "application/x-ndjson"] {
        let mut stream = server.connect();
        let head = format!(
            "GET /events?topic=jobs HTTP/1.1\r\nhost: localhost\r\naccept: {accept}\r\n\
             accept-encoding: gzip, br, deflate, zstd\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let (started_at, mut text) = (Instant::now(), String::new());
        while !text.contains("snapshot") {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "{text}");
            text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        }
        assert!(started_at.elapsed() < Duration::from_secs(2), "{:?}", started_at.elapsed());
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("content-encoding"), "{head}");
        for line in
            ["x-accel-buffering: no", "cache-control: no-store, no-transform", &format!("content-type: {accept}")]
        {
            assert!(head.lines().any(|header| header == line), "{head}");
        }
    }
}

#[test]
fn case_16_stream_ends_with_its_session() {
    let (server, ada) = ServerWithAccounts::with_admin();
    let mut stream = BufReader::new(ada.get("/events?topic=jobs")).lines().map(Result::unwrap);
    assert!(stream.any(|line| line == "event: snapshot"));
    let started_at = Instant::now();
    database(&server.data().join("milepost.db"), async |connection| {
        sqlx::query("update session set expires = 1").execute(connection).await.unwrap();
    });
    assert!(stream.any(|line| line.contains(r#""reason":"revoked""#)));
    assert!(started_at.elapsed() < Duration::from_secs(15), "{:?}", started_at.elapsed());
    assert!(stream.all(|line| line.is_empty()), "nothing follows");
    assert_eq!(ada.api_get("/events/poll?topic=jobs").status(), 401);
}

#[test]
fn case_20_locked_database_only_delays_events() {
    let browser = Browser::with_arguments(&["--concurrency", "0"]);
    let _worker = WorkerProcess::start_in(browser.data(), &[]);
    let mut events = EventReader::open(&browser, "topic=jobs");
    let job = browser.start("demo", &json!({ "seconds": 2 }));
    events.wait_for_state(job, "running");
    let free = database(&browser.data().join("milepost.db"), async |connection| {
        connection.execute("begin immediate").await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        connection.execute("rollback").await.unwrap();
        Instant::now()
    });
    events.wait_for_state(job, "succeeded");
    assert!(free.elapsed() < Duration::from_secs(5), "{:?}", free.elapsed());
    let events = browser.page(&format!("/events/poll?job={job}&after={}", {
        let epoch: String = database(&browser.data().join("milepost.db"), async |connection| {
            sqlx::query_scalar("select epoch from ledger").fetch_one(connection).await.unwrap()
        });
        format!("{epoch}.0")
    }));
    let states: Vec<Value> = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let states: Vec<&str> = states.iter().filter_map(|line| line["data"]["state"].as_str()).collect();
    assert_eq!(states, ["queued", "running", "succeeded"], "in order, each once");
}

#[test]
fn case_17_stream_limit_counts_clients_behind_a_proxy() {
    let (server, _data) = ServerProcess::start_with(&["--trusted-proxy", "127.0.0.1", "--streams-per-address", "1"]);
    let open = |client: &str| {
        let mut stream = server.connect();
        let head = format!(
            "GET /events HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\nx-forwarded-for: {client}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        (String::from_utf8(status.to_vec()).unwrap(), stream)
    };
    let (first, _first) = open("203.0.113.1");
    assert_eq!(first, "HTTP/1.1 200");
    assert_eq!(open("203.0.113.1").0, "HTTP/1.1 429");
    let (other, _other) = open("203.0.113.2");
    assert_eq!(other, "HTTP/1.1 200");
}
