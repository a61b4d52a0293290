//! Exit of programs: errors, cancel, limits and leftover processes.

use std::time::Duration;

use model::JobState;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::support::{TestEngine, failure, live_processes, script, unique_duration};

#[tokio::test]
async fn error_has_exit_code_and_last_line() {
    let test = TestEngine::new(&script("echo working; echo 'no such host' >&2; exit 3", "")).await;
    let view = test.run(json!({})).await;
    assert_eq!(failure(&view), ("exit_3", "sh ended with exit code 3: no such host"));
    let attempts = test.engine.store().attempts(view.job).await.expect("read");
    // The order of lines from two pipes is not defined.
    let mut last_lines: Vec<&str> = attempts[0].trace.lines().collect();
    last_lines.sort_unstable();
    assert_eq!(last_lines, ["no such host", "working"]);
}

#[tokio::test]
async fn error_names_the_signal() {
    let test = TestEngine::new(&script("kill -SEGV $$", "")).await;
    assert_eq!(failure(&test.run(json!({})).await), ("signal_segv", "sh was ended by SIGSEGV"));
}

#[tokio::test]
async fn reported_error_fails_the_job_despite_exit_0() {
    let test =
        TestEngine::new(&script(r#"echo "{\"complete\":1,\"code\":7,\"description\":\"no database\"}""#, "")).await;
    assert_eq!(failure(&test.run(json!({})).await), ("reported", "sh reported the error 7: no database"));
}

#[tokio::test]
async fn failed_command_is_retried_if_declared() {
    let test = TestEngine::new(&script("exit 1", "retries = 2")).await;
    let job = test.start(json!({})).await;
    let view = test.wait(job, "the next attempt", |view| view.state == JobState::Scheduled).await;
    assert_eq!(view.max_attempts, 3);
}

#[tokio::test]
async fn cancel_sends_the_declared_signal() {
    // As in the server: if the parent of this process ignores the signal, the program would inherit that.
    let _heard = signal(SignalKind::interrupt()).expect("it can be heard");
    let test = TestEngine::new(&script(
        "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done",
        "signal = 'INT'",
    ))
    .await;
    let job = test.start(json!({})).await;
    test.wait_for_log(job, "ready").await;
    test.engine.cancel(job, "ann").await.expect("asked");
    let view = test.ended(job).await;
    assert_eq!(view.state, JobState::Cancelled);
    let log = test.log(job).await;
    assert!(log.contains(&"sent SIGINT".to_owned()) && log.contains(&"interrupted".to_owned()), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("SIGKILL")), "{log:?}");
}

#[tokio::test]
async fn program_that_ignores_cancel_is_killed_with_children() {
    let time = unique_duration();
    let test =
        TestEngine::new(&script(&format!("trap '' TERM; sleep {time} & echo ready; wait; sleep {time}"), "")).await;
    let job = test.start(json!({})).await;
    test.wait_for_log(job, "ready").await;
    test.engine.cancel(job, "ann").await.expect("asked");
    let view = test.ended(job).await;
    assert_eq!((view.state, view.not_responding), (JobState::Cancelled, false));
    let log = test.log(job).await;
    assert!(log.iter().any(|line| line.contains("sent SIGKILL")), "{log:?}");
    assert_eq!(live_processes(&time), [0; 0]);
}

#[tokio::test]
async fn program_over_timeout_is_stopped() {
    let time = unique_duration();
    let test = TestEngine::new(&script(&format!("sleep {time}"), "timeout = '200ms'")).await;
    assert_eq!(failure(&test.run(json!({})).await).0, "timed_out");
    assert_eq!(live_processes(&time), [0; 0]);
}

#[tokio::test]
async fn leftover_processes_are_killed_in_and_outside_the_group() {
    let (inside, outside) = (unique_duration(), unique_duration());
    // One in the group that holds the output open, and one in a session of its own after a double fork.
    let shell = format!("sleep {inside} & (setsid sh -c 'sleep {outside} & echo gone' &) ; sleep 0.3; echo done");
    let test = TestEngine::new(&script(&shell, "")).await;
    let view = test.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!(live_processes(&inside), [0; 0]);
    assert_eq!(live_processes(&outside), [0; 0]);
    let log = test.log(view.job).await;
    assert!(log.contains(&"done".to_owned()) && log.contains(&"gone".to_owned()), "{log:?}");
    assert!(log.iter().any(|line| line.starts_with("ended 2 processes")), "{log:?}");
}

#[tokio::test]
async fn leftover_process_without_mark_is_killed() {
    let long = unique_duration();
    let test = TestEngine::new(&script(&format!("env -i sleep {long} >/dev/null 2>&1 & sleep 0.3"), "")).await;
    let view = test.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?}");
    assert_eq!(test.log(view.job).await, ["ended 1 process that the program had left running"]);
    assert!(live_processes(&long).is_empty());
}

#[tokio::test]
async fn fork_bomb_is_killed_at_process_limit() {
    let mark = unique_duration();
    // Ends by itself at 512 processes if it is not killed: more would starve the other tests.
    let bomb = format!(
        r#"bomb() {{ if [ "$1" -lt 9 ]; then bomb $(($1 + 1)) & bomb $(($1 + 1)) & fi; sleep {mark}; }}; bomb 0"#
    );
    let test = TestEngine::new(&script(&bomb, "processes = 40")).await;
    let view = test.run(json!({})).await;
    let (code, message) = failure(&view);
    assert_eq!(code, "too_many_processes", "{message}");
    assert_eq!(live_processes(&mark), [0; 0]);
}

#[tokio::test]
async fn program_over_memory_limit_is_killed() {
    let test =
        TestEngine::new(&script("x=$(head -c 300000000 /dev/zero | tr '\\0' x); sleep 100", "memory = '64MiB'")).await;
    assert_eq!(failure(&test.run(json!({})).await).0, "too_much_memory");
}

#[tokio::test]
async fn engine_shutdown_kills_all_processes() {
    let time = unique_duration();
    let test = TestEngine::new(&script(
        &format!("trap '' TERM; setsid sleep {time} & echo ready; while :; do sleep 0.1; done"),
        "",
    ))
    .await;
    let job = test.start(json!({})).await;
    test.wait_for_log(job, "ready").await;
    test.engine.shutdown(Duration::ZERO).await;
    crate::support::wait_until("no process to be left", || live_processes(&time).is_empty());
}

#[tokio::test]
async fn ended_process_group_is_forgotten() {
    let test = TestEngine::new(&script("echo $MILEPOST_BOOT", "")).await;
    let view = test.run(json!({})).await;
    let worker = engine::store::WorkerId(test.log(view.job).await[0].clone());
    assert_eq!(test.engine.store().process_groups(&[worker]).await.expect("read"), []);
}
