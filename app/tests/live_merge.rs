//! Merging of events, reconnect delays and subscriptions, without a browser.

use app::live::{
    merge::{AsOf, LogMark},
    reconnect::Retry,
    subscriptions::{Interest, Interests, change, query},
};
use model::{JobId, JobState, JobView, Level, LogEvent, LogLine, Micros, Progress, Seq};

fn job(attempt: u32, state: JobState, rev: u64) -> JobView {
    let progress = Progress { rev, value: rev, ..Progress::default() };
    JobView { attempt, state, progress, ..JobView::new(JobId(7), "demo", "Demo", "local", Micros(1)) }
}

fn lines(first_line: u64, count: u64) -> LogEvent {
    let line = |n| LogLine::plain(Micros(0), Level::Info, format!("line {n}"));
    LogEvent { job: JobId(7), attempt: 1, first_line, lines: (first_line..first_line + count).map(line).collect() }
}

#[test]
fn duplicate_event_changes_nothing() {
    let mut as_of = AsOf::default();
    let running = job(1, JobState::Running, 1);
    let shown = as_of.merge(Seq(5), &job(1, JobState::Queued, 0), &running).expect("news");
    assert_eq!(shown, running);
    assert_eq!(as_of.merge(Seq(5), &shown, &running), None);
}

#[test]
fn event_older_than_snapshot_is_ignored() {
    let mut as_of = AsOf::default();
    let shown = as_of.merge(Seq(9), &job(1, JobState::Queued, 0), &job(2, JobState::Running, 3)).expect("news");
    assert_eq!(as_of.merge(Seq(8), &shown, &job(2, JobState::Queued, 0)), None);
}

#[test]
fn event_older_than_page_is_ignored() {
    let ended = job(1, JobState::Succeeded, 9);
    assert_eq!(AsOf::default().merge(Seq(5), &ended, &job(1, JobState::Running, 0)), None);
    let retried = job(2, JobState::Running, 4);
    assert_eq!(AsOf::default().merge(Seq(5), &retried, &ended), None);
}

#[test]
fn state_event_keeps_newer_progress_until_the_end() {
    let shown = job(1, JobState::Running, 9);
    let asked_to_stop = JobView { cancel_requested_at: Some(Micros(3)), ..job(1, JobState::Running, 4) };
    let merged = AsOf::default().merge(Seq(5), &shown, &asked_to_stop).expect("news");
    assert_eq!((merged.progress.rev, merged.cancel_requested_at), (9, Some(Micros(3))));
    let ended = job(1, JobState::Failed, 8);
    assert_eq!(AsOf::default().merge(Seq(6), &shown, &ended), Some(ended));
}

#[test]
fn retry_resets_progress() {
    let retried = job(2, JobState::Queued, 0);
    assert_eq!(AsOf::default().merge(Seq(5), &job(1, JobState::Failed, 8), &retried), Some(retried));
}

#[test]
fn log_lines_are_read_once_in_order() {
    let mut mark = LogMark::default();
    assert_eq!(mark.unread(&lines(1, 3)), Some(lines(1, 3)));
    assert_eq!(mark.unread(&lines(1, 3)), None);
    assert_eq!(mark.unread(&lines(2, 4)), Some(lines(4, 2)), "the part that is new");
    assert_eq!(mark.unread(&lines(10, 2)), Some(lines(10, 2)), "a gap is passed on, its numbers show it");
    assert_eq!(mark.unread(&lines(6, 4)), None, "what comes after the gap has been told is too late");
}

#[test]
fn retry_delay_grows_with_jitter_to_30_seconds() {
    let mut retry = Retry::default();
    let waits: Vec<_> = (0..9).map(|_| retry.next(1.0).as_millis()).collect();
    assert_eq!(waits, [300, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    assert_eq!(Retry::default().next(0.5).as_millis(), 150, "within the range, at random");
}

#[test]
fn short_stream_does_not_reset_retry_delay() {
    let mut retry = Retry::default();
    retry.next(1.0);
    retry.lived(200.0);
    assert_eq!(retry.next(1.0).as_millis(), 1_000, "opened and lost at once");
    retry.lived(60_000.0);
    assert_eq!(retry.next(1.0).as_millis(), 300);
}

#[test]
fn topics_follow_interests() {
    let mut uses = Interests::default();
    for one in [
        Interest::Jobs,
        Interest::Row(JobId(1)),
        Interest::Row(JobId(2)),
        Interest::Row(JobId(2)),
        Interest::Log(JobId(1)),
    ] {
        uses.add(one);
    }
    assert_eq!(uses.topics(), list(&["jobs", "row=2", "job=1"]), "a job with its log needs no row");
    uses.remove(Interest::Row(JobId(2)));
    uses.remove(Interest::Log(JobId(1)));
    assert_eq!(uses.topics(), list(&["jobs", "row=1", "row=2"]), "what is shown twice is needed until both are gone");
}

#[test]
fn stream_query_and_change_body_match_server_format() {
    let cursor = "e1.42".parse().expect("a cursor");
    assert_eq!(query(&list(&["jobs", "row=2"]), Some(&cursor)), "topic=jobs&row=2&after=e1.42");
    let body = change(&list(&["job=1"]), &list(&["row=1"]));
    assert_eq!(body, r#"{"add":["job=1"],"remove":["row=1"]}"#);
}

fn list(topics: &[&str]) -> Vec<String> {
    topics.iter().map(|topic| (*topic).to_owned()).collect()
}
