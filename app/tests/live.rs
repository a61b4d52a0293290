//! What the browser makes of the stream, decided without a browser.

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
fn an_event_that_comes_twice_changes_nothing() {
    let mut as_of = AsOf::default();
    let running = job(1, JobState::Running, 1);
    let shown = as_of.merge(Seq(5), &job(1, JobState::Queued, 0), &running).expect("news");
    assert_eq!(shown, running);
    assert_eq!(as_of.merge(Seq(5), &shown, &running), None);
}

#[test]
fn an_event_older_than_the_snapshot_does_not_roll_it_back() {
    let mut as_of = AsOf::default();
    let shown = as_of.merge(Seq(9), &job(1, JobState::Queued, 0), &job(2, JobState::Running, 3)).expect("news");
    assert_eq!(as_of.merge(Seq(8), &shown, &job(2, JobState::Queued, 0)), None);
}

#[test]
fn a_page_rendered_after_the_event_is_not_rolled_back() {
    let ended = job(1, JobState::Succeeded, 9);
    assert_eq!(AsOf::default().merge(Seq(5), &ended, &job(1, JobState::Running, 0)), None);
    let retried = job(2, JobState::Running, 4);
    assert_eq!(AsOf::default().merge(Seq(5), &retried, &ended), None);
}

#[test]
fn a_change_of_state_keeps_newer_progress_unless_it_is_the_end() {
    let shown = job(1, JobState::Running, 9);
    let asked_to_stop = JobView { cancel_requested_at: Some(Micros(3)), ..job(1, JobState::Running, 4) };
    let merged = AsOf::default().merge(Seq(5), &shown, &asked_to_stop).expect("news");
    assert_eq!((merged.progress.rev, merged.cancel_requested_at), (9, Some(Micros(3))));
    let ended = job(1, JobState::Failed, 8);
    assert_eq!(AsOf::default().merge(Seq(6), &shown, &ended), Some(ended));
}

#[test]
fn a_retry_begins_its_progress_anew() {
    let retried = job(2, JobState::Queued, 0);
    assert_eq!(AsOf::default().merge(Seq(5), &job(1, JobState::Failed, 8), &retried), Some(retried));
}

#[test]
fn each_log_line_is_read_once_and_in_order() {
    let mut mark = LogMark::default();
    assert_eq!(mark.unread(&lines(1, 3)), Some(lines(1, 3)));
    assert_eq!(mark.unread(&lines(1, 3)), None);
    assert_eq!(mark.unread(&lines(2, 4)), Some(lines(4, 2)), "the part that is new");
    assert_eq!(mark.unread(&lines(10, 2)), Some(lines(10, 2)), "a gap is passed on, its numbers show it");
    assert_eq!(mark.unread(&lines(6, 4)), None, "what comes after the gap has been told is too late");
}

#[test]
fn retries_spread_at_once_and_then_back_off_to_half_a_minute() {
    let mut retry = Retry::default();
    let waits: Vec<_> = (0..9).map(|_| retry.next(1.0).as_millis()).collect();
    assert_eq!(waits, [300, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    assert_eq!(Retry::default().next(0.5).as_millis(), 150, "within the range, at random");
}

#[test]
fn only_a_stream_that_lived_ends_the_backing_off() {
    let mut retry = Retry::default();
    retry.next(1.0);
    retry.lived(200.0);
    assert_eq!(retry.next(1.0).as_millis(), 1_000, "opened and lost at once");
    retry.lived(60_000.0);
    assert_eq!(retry.next(1.0).as_millis(), 300);
}

#[test]
fn topics_follow_from_what_is_shown() {
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
fn a_stream_is_asked_for_and_changed_in_the_words_of_the_server() {
    let cursor = "e1.42".parse().expect("a cursor");
    assert_eq!(query(&list(&["jobs", "row=2"]), Some(&cursor)), "topic=jobs&row=2&after=e1.42");
    let body = change(&list(&["job=1"]), &list(&["row=1"]));
    assert_eq!(body, r#"{"add":["job=1"],"remove":["row=1"]}"#);
}

fn list(topics: &[&str]) -> Vec<String> {
    topics.iter().map(|topic| (*topic).to_owned()).collect()
}
