//! How programs end, and that nothing of them is left.

use std::time::Duration;

use model::JobState;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::bench::{Bench, a_long_time, alive, failure, script};

#[tokio::test]
async fn an_exit_code_and_the_last_words_make_the_error() {
    let bench = Bench::new(&script("echo working; echo 'no such host' >&2; exit 3", "")).await;
    let view = bench.run(json!({})).await;
    assert_eq!(failure(&view), ("exit_3", "sh ended with exit code 3: no such host"));
    let attempts = bench.engine.store().attempts(view.job).await.expect("read");
    // Which output was written first cannot be seen.
    let mut last_lines: Vec<&str> = attempts[0].trace.lines().collect();
    last_lines.sort_unstable();
    assert_eq!(last_lines, ["no such host", "working"]);
}

#[tokio::test]
async fn a_signal_makes_the_error() {
    let bench = Bench::new(&script("kill -SEGV $$", "")).await;
    assert_eq!(failure(&bench.run(json!({})).await), ("signal_segv", "sh was ended by SIGSEGV"));
}

#[tokio::test]
async fn an_error_that_a_program_reports_counts_although_it_exits_well() {
    let bench = Bench::new(&script(r#"echo "{\"complete\":1,\"code\":7,\"description\":\"no database\"}""#, "")).await;
    assert_eq!(failure(&bench.run(json!({})).await), ("reported", "sh reported the error 7: no database"));
}

#[tokio::test]
async fn what_failed_is_tried_again_where_that_was_declared() {
    let bench = Bench::new(&script("exit 1", "retries = 2")).await;
    let job = bench.start(json!({})).await;
    let view = bench.wait(job, "the next attempt", |view| view.state == JobState::Scheduled).await;
    assert_eq!(view.max_attempts, 3);
}

#[tokio::test]
async fn a_program_is_asked_to_stop_by_its_signal() {
    // As in the server: a signal that whoever started this process has it ignore would be ignored by the program too.
    let _heard = signal(SignalKind::interrupt()).expect("it can be heard");
    let bench = Bench::new(&script(
        "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done",
        "signal = 'INT'",
    ))
    .await;
    let job = bench.start(json!({})).await;
    bench.says(job, "ready").await;
    bench.engine.cancel(job, "ann").await.expect("asked");
    let view = bench.ended(job).await;
    assert_eq!(view.state, JobState::Cancelled);
    let log = bench.log(job).await;
    assert!(log.contains(&"sent SIGINT".to_owned()) && log.contains(&"interrupted".to_owned()), "{log:?}");
    assert!(!log.iter().any(|line| line.contains("SIGKILL")), "{log:?}");
}

#[tokio::test]
async fn one_that_ignores_that_is_killed_after_the_grace_with_its_children() {
    let time = a_long_time();
    let bench = Bench::new(&script(&format!("trap '' TERM; sleep {time} & echo ready; wait; sleep {time}"), "")).await;
    let job = bench.start(json!({})).await;
    bench.says(job, "ready").await;
    bench.engine.cancel(job, "ann").await.expect("asked");
    let view = bench.ended(job).await;
    assert_eq!((view.state, view.not_responding), (JobState::Cancelled, false));
    let log = bench.log(job).await;
    assert!(log.iter().any(|line| line.contains("sent SIGKILL")), "{log:?}");
    assert_eq!(alive(&time), [0; 0]);
}

#[tokio::test]
async fn one_that_takes_too_long_is_stopped() {
    let time = a_long_time();
    let bench = Bench::new(&script(&format!("sleep {time}"), "timeout = '200ms'")).await;
    assert_eq!(failure(&bench.run(json!({})).await).0, "timed_out");
    assert_eq!(alive(&time), [0; 0]);
}

#[tokio::test]
async fn what_it_leaves_running_ends_with_it_in_its_group_and_outside() {
    let (inside, outside) = (a_long_time(), a_long_time());
    // One in the group that holds the output open, and one that has forked twice into a session of its own.
    let text = format!("sleep {inside} & (setsid sh -c 'sleep {outside} & echo gone' &) ; sleep 0.3; echo done");
    let bench = Bench::new(&script(&text, "")).await;
    let view = bench.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!(alive(&inside), [0; 0]);
    assert_eq!(alive(&outside), [0; 0]);
    let log = bench.log(view.job).await;
    assert!(log.contains(&"done".to_owned()) && log.contains(&"gone".to_owned()), "{log:?}");
    assert!(log.iter().any(|line| line.starts_with("ended 2 processes")), "{log:?}");
}

#[tokio::test]
async fn what_it_leaves_in_its_group_without_a_mark_ends_with_it_too() {
    let long = a_long_time();
    let bench = Bench::new(&script(&format!("env -i sleep {long} >/dev/null 2>&1 & sleep 0.3"), "")).await;
    let view = bench.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?}");
    assert_eq!(bench.log(view.job).await, ["ended 1 process that the program had left running"]);
    assert!(alive(&long).is_empty());
}

#[tokio::test]
async fn a_fork_bomb_ends_at_its_limit() {
    let mark = a_long_time();
    // Ends by itself at 512 processes, should nobody end it: more would leave the other tests no machine to run on.
    let bomb = format!(
        r#"bomb() {{ if [ "$1" -lt 9 ]; then bomb $(($1 + 1)) & bomb $(($1 + 1)) & fi; sleep {mark}; }}; bomb 0"#
    );
    let bench = Bench::new(&script(&bomb, "processes = 40")).await;
    let view = bench.run(json!({})).await;
    let (code, message) = failure(&view);
    assert_eq!(code, "too_many_processes", "{message}");
    assert_eq!(alive(&mark), [0; 0]);
}

#[tokio::test]
async fn one_that_takes_too_much_memory_is_ended() {
    let bench =
        Bench::new(&script("x=$(head -c 300000000 /dev/zero | tr '\\0' x); sleep 100", "memory = '64MiB'")).await;
    assert_eq!(failure(&bench.run(json!({})).await).0, "too_much_memory");
}

#[tokio::test]
async fn nothing_is_left_when_the_engine_stops() {
    let time = a_long_time();
    let bench = Bench::new(&script(
        &format!("trap '' TERM; setsid sleep {time} & echo ready; while :; do sleep 0.1; done"),
        "",
    ))
    .await;
    let job = bench.start(json!({})).await;
    bench.says(job, "ready").await;
    bench.engine.shutdown(Duration::ZERO).await;
    crate::bench::wait_until("that all is gone", || alive(&time).is_empty());
}

#[tokio::test]
async fn no_group_stays_recorded() {
    let bench = Bench::new(&script("echo $MILEPOST_BOOT", "")).await;
    let view = bench.run(json!({})).await;
    let boot = engine::store::BootId(bench.log(view.job).await[0].clone());
    assert_eq!(bench.engine.store().groups(&[boot]).await.expect("read"), []);
}
