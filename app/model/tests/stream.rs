//! Stream events: JSON round trip and field names of the protocol.

use model::{
    Cursor, Eta, Event, Failure, Heartbeat, JobId, JobState, JobView, Micros, Progress, ProgressEvent, Seq, Stage,
    StateEvent, StreamEvent, Tone,
};
use serde_json::{Value, json};

fn progress() -> Progress {
    Progress {
        rev: 7,
        value: 748_812,
        max: Some(1_200_000),
        unit: "rows".to_owned(),
        fraction: Some(0.571_3),
        stage: Some(Stage { index: 2, count: 3, name: "Load".to_owned(), starts: vec![0.0, 0.1, 0.4] }),
        message: "batch 150 \u{2028} of \"240\"\n".to_owned(),
        tone: Tone::Warning,
        rate: Some(2_318.0),
        eta: Some(Eta { low: 300.0, high: 420.0 }),
        slow: true,
        quiet_after: Some(90.0),
        warnings: 2,
        data: Some(json!({ "table": "orders" })),
        at: Some(Micros(1_795_000_000_000_000)),
    }
}

fn view(state: JobState) -> JobView {
    JobView {
        attempt: 2,
        state,
        started_at: Some(Micros(2)),
        rerun_of: Some(JobId(1000)),
        failure: Some(Failure { code: "io".to_owned(), message: "no space".to_owned() }),
        progress: progress(),
        ..JobView::new(JobId(1042), "import-csv", "Import orders.csv", "local", Micros(1))
    }
}

fn through_the_wire(event: &StreamEvent) -> Value {
    let json = event.to_json().expect("every event can be written");
    assert!(!json.contains('\n'), "one line");
    let back =
        StreamEvent::from_json(event.name(), &json).expect("a known name").expect("what was written can be read");
    assert_eq!(&back, event);
    serde_json::from_str(&json).expect("JSON")
}

#[test]
fn progress_event_is_flat_beside_job_and_attempt() {
    let event = StreamEvent::Progress(Box::new(ProgressEvent { job: JobId(1042), attempt: 2, progress: progress() }));
    let json = through_the_wire(&event);
    for field in "job attempt rev value max unit fraction stage message tone rate eta slow quiet_after warnings data at"
        .split(' ')
    {
        assert!(json.get(field).is_some(), "{field} is promised");
    }
    assert_eq!(json["stage"]["name"], "Load");
    assert_eq!(json["tone"], "warning");
}

#[test]
fn state_event_has_job_attempt_and_state_at_top_level() {
    let event = StreamEvent::State(Box::new(StateEvent {
        view: view(JobState::Failed),
        code: Some("io".to_owned()),
        counts: None,
    }));
    let json = through_the_wire(&event);
    assert_eq!(
        (&json["job"], &json["attempt"], &json["state"], &json["code"]),
        (&json!(1042), &json!(2), &json!("failed"), &json!("io"))
    );
    assert_eq!(json["value"], 748_812, "the final progress comes with it");
}

#[test]
fn unknown_event_name_is_ignored() {
    assert!(StreamEvent::from_json("hologram", "{}").is_none());
    assert_eq!(StreamEvent::Heartbeat(Heartbeat { at: Micros(5) }).name(), "heartbeat");
}

#[test]
fn cursor_round_trips_and_invalid_cursor_is_rejected() {
    let cursor = Cursor { epoch: "a1b2".to_owned(), seq: Seq(42) };
    assert_eq!(cursor.to_string().parse(), Ok(cursor));
    let long = "x".repeat(33) + ".1";
    for bad in
        ["", ".", "a1b2", "a1b2.", ".42", "a1b2.-1", "a1b2.+1", "a b.1", "a.1.2", "a.99999999999999999999", &long]
    {
        assert!(bad.parse::<Cursor>().is_err(), "{bad:?}");
    }
}

#[test]
fn stale_late_or_foreign_progress_is_ignored() {
    let newer = Progress { rev: 8, value: 9, ..progress() };
    let mut running = view(JobState::Running);
    assert!(running.apply_progress(2, newer.clone()));
    assert!(!running.apply_progress(2, newer.clone()), "the same again");
    assert!(!running.apply_progress(2, Progress { rev: 3, ..progress() }), "older");
    assert!(!running.apply_progress(1, Progress { rev: 99, ..progress() }), "of another attempt");
    let mut ended = view(JobState::Succeeded);
    assert!(!ended.apply_progress(2, newer), "after the end");
    assert_eq!(ended.progress, progress());
}

#[test]
fn state_name_round_trips() {
    for state in JobState::ALL {
        assert_eq!(JobState::from_word(state.as_str()), Some(state));
    }
    assert_eq!(JobState::from_word("lost"), None);
}

#[test]
fn ended_job_changes_state_only_by_retry() {
    for state in JobState::ALL.into_iter().filter(|state| state.is_terminal()) {
        for event in Event::ALL {
            let moved = state.apply(event);
            let reopens = match event {
                Event::Retry => state != JobState::Succeeded,
                Event::Return => state == JobState::Interrupted,
                _ => false,
            };
            assert_eq!(moved.is_ok(), reopens, "{state} {event:?}");
        }
    }
}
