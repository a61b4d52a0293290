//! Output of programs: log and progress.

use std::fs;

use model::JobState;
use serde_json::json;

use crate::support::{TestEngine, failure, script};

/// Returns the resident memory of this process, bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/statm").expect("Linux");
    4096 * status.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number")
}

#[tokio::test]
async fn json_lines_report_progress() {
    let script = script(
        r#"echo '{"value":1,"max":4,"unit":"files","message":"the first"}'; echo '{"progress":0.75}'; read wait < gate; exit 1"#,
        "",
    );
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("gate");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
    let script = format!("{script}folder = '{}'\n", folder.path().display());
    let test = TestEngine::new(&script).await;
    let job = test.start(json!({})).await;
    let view = test.wait(job, "three quarters", |view| view.progress.fraction == Some(0.75)).await;
    assert_eq!(view.progress.message, "the first");
    fs::write(&pipe, "go\n").expect("it is read");
    let view = test.ended(job).await;
    assert_eq!(view.progress.fraction, Some(0.75), "a failed job keeps its progress");
    assert_eq!(test.log(job).await, [""; 0]);
}

#[tokio::test]
async fn gigabyte_of_output_uses_bounded_memory() {
    for (print, bytes) in [("yes \"$(printf '%0500d' 0)\"", 200_000_000), ("tr '\\0' x < /dev/zero", 1_000_000_000)] {
        let script = script(&format!("{print} | head -c {bytes}; echo; echo end >&2"), "progress = 'none'");
        let test = TestEngine::new(&script).await;
        let before = resident();
        let view = test.run(json!({})).await;
        assert_eq!(view.state, JobState::Succeeded);
        let grown = resident().saturating_sub(before);
        assert!(grown < 200 << 20, "{grown} bytes more after {print}");
        assert!(test.log(view.job).await.len() <= 10_000);
        let detail = test.engine.detail(view.job).await.expect("read");
        assert_eq!(detail.output.expect("a result")["last_line"], "end");
    }
}

#[tokio::test]
async fn binary_output_is_logged_without_control_characters() {
    let test =
        TestEngine::new(&script("head -c 2000000 /dev/urandom; head -c 2000000 /dev/urandom >&2; exit 1", "")).await;
    let view = test.run(json!({})).await;
    assert_eq!(failure(&view).0, "exit_1");
    for line in test.log(view.job).await {
        assert!(line.chars().all(|c| c == '\t' || !c.is_control()), "{line:?}");
    }
}

#[tokio::test]
async fn both_outputs_are_read_when_one_is_full() {
    // Each exceeds the capacity of a pipe, and they are written one after the other.
    let shell = "head -c 300000 /dev/zero | tr '\\0' '\\n' >&2; head -c 300000 /dev/zero | tr '\\0' '\\n'; echo end";
    let test = TestEngine::new(&script(shell, "")).await;
    let view = test.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
}
