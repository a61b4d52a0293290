//! The browser's JSON reader reads what `serde_json` reads, to the same values. `make json` builds the wasm.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use milepost_json_check::read;
use model::{
    ControlTarget, Counts, Eta, Failure, FieldError, FolderEntry, FolderListing, Heartbeat, Hello, JobId, JobState,
    JobView, Level, LogEvent, LogLine, MessageEvent, MessageTo, Micros, Progress, ProgressEvent, QueueControl,
    ScheduleEvent, Seq, Snapshot, Stage, StateEvent, StreamEvent, StreamId, Tone,
};
use serde_json::{Value, json};

/// What the wasm prints for pairs of type and text.
fn in_browser(pairs: &[(String, String)]) -> Vec<Option<String>> {
    let here = env!("CARGO_MANIFEST_DIR");
    let mut node = Command::new("node")
        .args([format!("{here}/tests/read.mjs"), format!("{here}/../../target/json")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    node.stdin.take().unwrap().write_all(&serde_json::to_vec(pairs).unwrap()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "`make json` builds target/json");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn progress() -> Progress {
    Progress {
        rev: 7,
        value: (1 << 53) - 1,
        max: Some(1_200_000),
        unit: "rows".to_owned(),
        fraction: Some(0.571_3),
        stage: Some(Stage {
            index: 2,
            count: 3,
            name: "Lädt 静夜思 \u{1f30d}".to_owned(),
            starts: vec![0.0, 0.1, 0.4],
        }),
        message: "batch 150 \u{2028} of \"240\"\n\u{0}".to_owned(),
        tone: Tone::Warning,
        rate: Some(2_318.0),
        eta: Some(Eta { low: 1e-7, high: 1e21 }),
        slow: true,
        quiet_after: Some(90.0),
        warnings: 2,
        data: Some(json!({ "table": "orders" })),
        at: Some(Micros(1_795_000_000_000_000)),
    }
}

fn job(state: JobState) -> JobView {
    JobView {
        attempt: 2,
        state,
        started_at: Some(Micros(-2)),
        cancel_requested_by: Some("dana".to_owned()),
        cancel_requested_by_name: Some("Dana Königin".to_owned()),
        position: Some(u32::MAX),
        rerun_of: Some(JobId(1000)),
        reported_from: Some("db1".to_owned()),
        no_contact_since: Some(Micros(7)),
        failure: Some(Failure { code: "io".to_owned(), message: "no space".to_owned() }),
        progress: progress(),
        ..JobView::new(JobId(1042), "import-csv", "Import orders.csv", "local", Micros(1))
    }
}

/// An event of each kind. The match fails to compile when one is added.
fn events() -> Vec<StreamEvent> {
    let lines = Level::ALL.map(|level| LogLine::plain(Micros(5), level, "\u{1b} <b>"));
    let log = LogEvent { job: JobId(1), attempt: 1, first_line: 9, lines: lines.to_vec() };
    let counts = Counts { running: 3, ..Counts::default() };
    let message = |to| {
        StreamEvent::Message(MessageEvent {
            number: Seq(3),
            to,
            text: "two\nlines".to_owned(),
            from: "mei".to_owned(),
            display_name: Some("Mei \"李\"".to_owned()),
            tone: Tone::Danger,
            at: Micros(3),
        })
    };
    let hello = Hello {
        epoch: "a1".to_owned(),
        seq: 7,
        build: "dev".to_owned(),
        heartbeat_ms: 15_000,
        stream: StreamId("ab".to_owned()),
        at: Micros(9),
    };
    let snapshot = Snapshot {
        jobs: JobState::ALL.map(job).to_vec(),
        logs: vec![log.clone()],
        counts: Some(counts),
        seq: Seq(8),
        partial: true,
    };
    let events = vec![
        StreamEvent::Hello(hello),
        StreamEvent::Snapshot(Box::new(snapshot)),
        StreamEvent::Progress(Box::new(ProgressEvent { job: JobId(1042), attempt: 2, progress: progress() })),
        StreamEvent::State(Box::new(StateEvent {
            view: job(JobState::Failed),
            code: Some("io".to_owned()),
            counts: Some(counts),
        })),
        StreamEvent::Log(log),
        StreamEvent::QueueControl(QueueControl::open(ControlTarget::Queue, "disk")),
        StreamEvent::Schedule(ScheduleEvent { schedule: 3, kind: "demo".to_owned(), owner: "olaf".to_owned() }),
        message(MessageTo::Everyone),
        message(MessageTo::User { user: "olaf".to_owned() }),
        message(MessageTo::Job { job: JobId(4) }),
        message(MessageTo::Note { job: JobId(5) }),
        StreamEvent::Heartbeat(Heartbeat { at: Micros(1) }),
    ];
    for event in &events {
        match event {
            StreamEvent::Hello(_)
            | StreamEvent::Snapshot(_)
            | StreamEvent::Progress(_)
            | StreamEvent::State(_)
            | StreamEvent::Log(_)
            | StreamEvent::QueueControl(_)
            | StreamEvent::Schedule(_)
            | StreamEvent::Message(_)
            | StreamEvent::Heartbeat(_) => {}
            StreamEvent::Bye(_) | StreamEvent::End(_) => unreachable!("a page does not read it"),
        }
    }
    events
}

/// JSON of every type that the browser reads.
fn samples() -> Vec<(String, Value)> {
    let folders = FolderListing {
        path: Some("/a".to_owned()),
        folders: vec![FolderEntry { name: "ä".to_owned(), path: "/a/ä".to_owned() }],
        ..FolderListing::default()
    };
    let errors = [FieldError { field: "seconds".to_owned(), message: "Enter a number.".to_owned() }];
    let shapes = json!({
        "flag": true, "small": 0, "large": 1, "signed": -1, "real": 0.1, "text": "", "word": "queued", "maybe": 4,
        "maybe_nested": { "code": "a", "message": "b" }, "defaulted": true, "list": ["x", null],
    });
    let others = [
        ("job", json!(job(JobState::Queued))),
        ("counts", json!(Counts::default())),
        ("folders", json!(folders)),
        ("errors", json!(errors)),
        ("shapes", shapes),
    ];
    let streamed = events()
        .into_iter()
        .map(|event| (event.name().to_owned(), serde_json::from_str(&event.to_json().unwrap()).unwrap()));
    streamed.chain(others.map(|(name, value)| (name.to_owned(), value))).collect()
}

/// Calls `visit` with `whole` once for each change of one of its values: absent, unknown beside it, of another type.
fn changed(value: &Value, put: &dyn Fn(Option<Value>) -> Value, visit: &mut dyn FnMut(Value)) {
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(1e300),
        json!(4_294_967_296_u64),
        json!("x"),
        json!([]),
    ];
    for other in others {
        visit(put(Some(other)));
    }
    visit(put(Some(json!({}))));
    visit(put(None));
    match value {
        Value::Object(members) => {
            let with = |name: &str, new: Option<Value>| {
                let mut members = members.clone();
                match new {
                    Some(new) => members.insert(name.to_owned(), new),
                    None => members.remove(name),
                };
                put(Some(Value::Object(members)))
            };
            visit(with("unknown", Some(json!({ "a": [1] }))));
            // Custom data is for other clients: the browser has no field for it.
            for (name, member) in members.iter().filter(|(name, _)| *name != "data") {
                changed(member, &|new| with(name, new), visit);
            }
        }
        Value::Array(elements) => {
            if let Some(first) = elements.first() {
                let with = |new: Option<Value>| {
                    let rest = elements[1..].iter().cloned();
                    put(Some(Value::Array(new.into_iter().chain(rest).collect())))
                };
                changed(first, &with, visit);
            }
        }
        _ => {}
    }
}

/// Without custom data, for which the browser has no field.
fn without_data(printed: &str) -> String {
    let mut parts = printed.split(", data: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + &part[part.find(", at: ").unwrap()..])
}

#[test]
fn browser_reads_every_event_as_serde_json_does() {
    let mut pairs = Vec::new();
    for (name, sample) in samples() {
        let text = sample.to_string();
        assert!(read(&name, &text).is_some(), "{name}: {text}");
        for end in (0..text.len()).step_by(7).filter(|end| text.is_char_boundary(*end)) {
            pairs.push((name.clone(), text[..end].to_owned()));
        }
        pairs.push((name.clone(), text.clone() + "]"));
        pairs.push((name.clone(), text));
        // An absent root is null.
        changed(&sample, &|new| new.unwrap_or_default(), &mut |value| pairs.push((name.clone(), value.to_string())));
    }
    let (mut accepted, mut wrong) = (0, Vec::new());
    for ((name, text), browser) in pairs.iter().zip(in_browser(&pairs)) {
        let expected = read(name, text).map(|printed| without_data(&printed));
        accepted += usize::from(expected.is_some());
        if expected != browser {
            wrong.push(format!("{name}: {text}\n  serde_json: {expected:?}\n  browser: {browser:?}"));
        }
    }
    assert!(accepted > 200 && accepted < pairs.len(), "{accepted} of {} are accepted", pairs.len());
    assert!(wrong.is_empty(), "{} differ, such as\n{}", wrong.len(), wrong[..wrong.len().min(9)].join("\n"));
}

#[test]
fn browser_reads_single_values_as_documented() {
    // What the browser makes of a text. `Same` is what serde_json makes of it.
    enum Read {
        Same,
        As(&'static str),
        Refused,
    }
    use Read::{As, Refused, Same};
    let cases = [
        ("i64", "9007199254740991", Same),
        ("i64", "-9007199254740991", Same),
        // A number of JavaScript has 53 bits: the next even number.
        ("i64", "9007199254740993", As("9007199254740992")),
        ("u64", "18446744073709551615", As("18446744073709551615")),
        ("u64", "18446744073709553665", Refused),
        ("u32", "4294967295", Same),
        ("u32", "4294967296", Same),
        ("u32", "-1", Same),
        ("u32", "0.5", Same),
        ("i64", "-0", Same),
        // JavaScript has one type of numbers.
        ("u32", "1.0", As("1")),
        ("u32", "1e3", As("1000")),
        ("f64", "1e-320", Same),
        ("f64", "0.1", Same),
        ("f64", "-0.0", Same),
        ("f64", "12345678901234567890", Same),
        ("f64", "1e400", As("inf")),
        ("f64", "NaN", Same),
        ("f64", "null", Same),
        ("f64", "\"1\"", Same),
        ("bool", "true", Same),
        ("bool", "1", Same),
        ("bool", "\"true\"", Same),
        ("option", "null", Same),
        ("option", "3", Same),
        ("option", "\"3\"", Same),
        ("text", r#""\u00e9\ud83c\udf0d\u0000""#, Same),
        ("text", r#""\n\t\\\/\"""#, Same),
        ("text", "\"a\nb\"", Same),
        ("text", "'a'", Same),
        ("text", "", Same),
        ("text", "\"a\" \"b\"", Same),
        ("text", "1", Same),
        // Half of a surrogate pair is replaced.
        ("text", r#""\ud83c""#, As("\"\u{fffd}\"")),
        // No type of the stream needs these; a new one that does fails at once, and is not misread.
        ("map", r#"{"a":1}"#, Refused),
        ("tuple", "[1,2]", Refused),
        ("unit", "null", Refused),
        ("u8", "1", Refused),
        ("data", r#"{"Number":1}"#, Refused),
        ("data", r#"{"Named":{"text":"a"}}"#, Refused),
        // JSON is kept as text only by the browser.
        (
            "frame",
            r#"{"id":"a","data":{"b":[1.50,"\u00e9"]}}"#,
            As(r#"Frame { id: Some("a"), data: RawJson("{\"b\":[1.5,\"é\"]}") }"#),
        ),
        ("frame", r#"{"data":null}"#, As(r#"Frame { id: None, data: RawJson("null") }"#)),
        ("frame", "{}", As(r#"Frame { id: None, data: RawJson("") }"#)),
        // The last of two members counts.
        ("heartbeat", r#"{"at":1,"at":2}"#, As("Heartbeat { at: Micros(2) }")),
    ];
    let pairs: Vec<_> = cases.iter().map(|(name, text, _)| ((*name).to_owned(), (*text).to_owned())).collect();
    for ((name, text, expected), browser) in cases.into_iter().zip(in_browser(&pairs)) {
        let expected = match expected {
            Same => read(name, text),
            As(printed) => Some(printed.to_owned()),
            Refused => None,
        };
        assert_eq!(browser, expected, "{name}: {text}");
    }
}
