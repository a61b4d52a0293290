//! Pseudo-terminal as output.

use model::JobState;
use serde_json::json;

use crate::support::{TestEngine, failure, live_processes, script, unique_duration};

const TERMINAL: &str = "terminal = true";

/// Script that prints which standard streams are terminals, and `TERM`.
const REPORT_TERMINALS: &str = r#"for it in 0 1 2; do if [ -t $it ]; then echo "$it is one"; else echo "$it is none"; fi; done
echo "TERM=$TERM""#;

#[tokio::test]
async fn terminal_is_stdout_and_stderr_only_if_declared() {
    for (more, seen) in [
        (TERMINAL, ["0 is none", "1 is one", "2 is one", "TERM=xterm-256color"]),
        ("terminal = true\nenv.TERM = 'vt100'", ["0 is none", "1 is one", "2 is one", "TERM=vt100"]),
        ("terminal = false", ["0 is none", "1 is none", "2 is none", "TERM="]),
        ("", ["0 is none", "1 is none", "2 is none", "TERM="]),
    ] {
        // Some shells set TERM=dumb if it is not set.
        let test = TestEngine::new(&script(REPORT_TERMINALS, more)).await;
        let view = test.run(json!({})).await;
        let log: Vec<String> = test.log(view.job).await.iter().map(|line| line.replace("dumb", "")).collect();
        assert_eq!(log, seen, "{more}");
    }
}

#[tokio::test]
async fn terminal_has_size_no_echo_and_no_controlling_process() {
    let shell =
        "stty size <&1; stty -a <&2 | grep -o -e '-echo\\b'; (: < /dev/tty) 2>/dev/null || echo 'controls none'";
    let test = TestEngine::new(&script(shell, TERMINAL)).await;
    let view = test.run(json!({})).await;
    assert_eq!(test.log(view.job).await, ["40 120", "-echo", "controls none"]);
}

#[tokio::test]
async fn terminal_ends_are_not_inherited() {
    let test =
        TestEngine::new(&script("ls -l /proc/self/fd | grep -o '[0-9]* -> /dev/pt.*' | cut -c1", TERMINAL)).await;
    let view = test.run(json!({})).await;
    // The standard output of `ls` is a pipe here.
    assert_eq!(test.log(view.job).await, ["2"]);
}

#[tokio::test]
async fn terminal_lines_are_ordered_and_progress_is_parsed() {
    let shell = r"echo one; echo two >&2; echo three
        printf '\r 10%% |#   |\r 55%% |##  |\r 60%% |### |'; read wait < gate; printf '\r100%% |####|\n'; echo end";
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("gate");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
    let more = format!("terminal = true\nprogress = 'percent'\nfolder = '{}'", folder.path().display());
    let test = TestEngine::new(&script(shell, &more)).await;
    let job = test.start(json!({})).await;
    test.wait(job, "more than half", |view| view.progress.fraction == Some(0.55)).await;
    std::fs::write(&pipe, "go\n").expect("it is read");
    let view = test.ended(job).await;
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!(test.log(job).await, ["one", "two", "three", "100% |####|", "end"]);
}

#[tokio::test]
async fn colours_are_stored_beside_the_text() {
    let shell = r"if [ -t 1 ]; then printf '\033[1;31mno such host\033[0m: %s\n' example; fi; exit 4";
    let test = TestEngine::new(&script(shell, TERMINAL)).await;
    let view = test.run(json!({})).await;
    assert_eq!(failure(&view), ("exit_4", "sh ended with exit code 4: no such host: example"));
    let lines = test.lines(view.job).await;
    let mut pieces = Vec::new();
    lines[0].styles.spans(&lines[0].text, |style, piece| pieces.push((style, piece)));
    assert_eq!(pieces, [("1b", "no such host"), ("", ": example")]);
}

#[tokio::test]
async fn terminal_output_is_complete_after_exit() {
    let test = TestEngine::new(&script("seq 100000; exec true", "terminal = true\nprogress = 'none'")).await;
    let view = test.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
    let detail = test.engine.detail(view.job).await.expect("read");
    assert_eq!(detail.output.expect("a result")["last_line"], "100000");
    let last = test.log(view.job).await;
    assert_eq!(last[..3], ["1", "2", "3"]);
    // Lines beyond the rate limit of the log are counted in it.
    let mut kept = 0;
    let mut from = 1;
    loop {
        let query = engine::store::LogQuery { from: Some(from), limit: 10_000, ..Default::default() };
        let page = test.engine.store().log(view.job, &query).await.expect("the log");
        for (_, line) in &page.lines {
            let left_out = line.text.strip_suffix(" lines left out: they came faster than they can be kept");
            kept += left_out.map_or(1, |count| count.replace(',', "").parse().expect("a number"));
        }
        from += page.lines.len() as u64;
        if !page.more_after {
            break;
        }
    }
    assert_eq!(kept, 100_000);
}

#[tokio::test]
async fn short_lived_programs_lose_no_output() {
    let test = TestEngine::new(&script("printf 'no line break'", TERMINAL)).await;
    for _ in 0..20 {
        let view = test.run(json!({})).await;
        assert_eq!(test.log(view.job).await, ["no line break"]);
    }
}

#[tokio::test]
async fn cancel_reaches_program_on_a_terminal() {
    let shell = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let test = TestEngine::new(&script(shell, TERMINAL)).await;
    let job = test.start(json!({})).await;
    test.wait_for_log(job, "ready").await;
    test.engine.cancel(job, "ann").await.expect("asked");
    assert_eq!(test.ended(job).await.state, JobState::Cancelled);
    let log = test.log(job).await;
    assert!(log.contains(&"asked".to_owned()) && log.contains(&"sent SIGTERM".to_owned()), "{log:?}");
}

#[tokio::test]
async fn process_that_keeps_terminal_open_is_killed() {
    let (inside, outside) = (unique_duration(), unique_duration());
    let shell =
        format!("sleep {inside} & (setsid sh -c 'echo gone; sleep {outside}' &); until [ -e here ]; do ls; done");
    let shell = shell.replace("echo gone", "echo gone; : > here").replace("do ls", "do sleep 0.01");
    let test = TestEngine::new(&script(&shell, TERMINAL)).await;
    let view = test.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!((live_processes(&inside), live_processes(&outside)), (vec![], vec![]));
    let log = test.log(view.job).await;
    assert!(log.contains(&"gone".to_owned()), "{log:?}");
    assert!(log.iter().any(|line| line.starts_with("ended ")), "{log:?}");
}
