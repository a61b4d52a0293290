//! Programs that write to a terminal.

use model::JobState;
use serde_json::json;

use crate::bench::{Bench, a_long_time, alive, failure, script};

const TERMINAL: &str = "terminal = true";

/// What `-t` says of the three open files of a program, and its `TERM`.
const LOOK: &str = r#"for it in 0 1 2; do if [ -t $it ]; then echo "$it is one"; else echo "$it is none"; fi; done
echo "TERM=$TERM""#;

#[tokio::test]
async fn both_outputs_are_a_terminal_where_that_was_declared_and_never_the_input() {
    for (more, seen) in [
        (TERMINAL, ["0 is none", "1 is one", "2 is one", "TERM=xterm-256color"]),
        ("terminal = true\nenv.TERM = 'vt100'", ["0 is none", "1 is one", "2 is one", "TERM=vt100"]),
        ("terminal = false", ["0 is none", "1 is none", "2 is none", "TERM="]),
        ("", ["0 is none", "1 is none", "2 is none", "TERM="]),
    ] {
        // Some shells call a terminal that nobody has named a dumb one.
        let bench = Bench::new(&script(LOOK, more)).await;
        let view = bench.run(json!({})).await;
        let log: Vec<String> = bench.log(view.job).await.iter().map(|line| line.replace("dumb", "")).collect();
        assert_eq!(log, seen, "{more}");
    }
}

#[tokio::test]
async fn it_has_a_size_echoes_nothing_and_controls_nobody() {
    let text = "stty size <&1; stty -a <&2 | grep -o -e '-echo\\b'; (: < /dev/tty) 2>/dev/null || echo 'controls none'";
    let bench = Bench::new(&script(text, TERMINAL)).await;
    let view = bench.run(json!({})).await;
    assert_eq!(bench.log(view.job).await, ["40 120", "-echo", "controls none"]);
}

#[tokio::test]
async fn no_end_of_it_is_inherited_by_chance() {
    let bench = Bench::new(&script("ls -l /proc/self/fd | grep -o '[0-9]* -> /dev/pt.*' | cut -c1", TERMINAL)).await;
    let view = bench.run(json!({})).await;
    // The standard output of `ls` is a pipe here.
    assert_eq!(bench.log(view.job).await, ["2"]);
}

#[tokio::test]
async fn lines_come_at_once_in_their_order_and_a_bar_moves() {
    let text = r"echo one; echo two >&2; echo three
        printf '\r 10%% |#   |\r 55%% |##  |\r 60%% |### |'; read wait < gate; printf '\r100%% |####|\n'; echo end";
    let folder = tempfile::tempdir().expect("a folder");
    let gate = folder.path().join("gate");
    assert!(std::process::Command::new("mkfifo").arg(&gate).status().expect("runs").success());
    let more = format!("terminal = true\nprogress = 'percent'\nfolder = '{}'", folder.path().display());
    let bench = Bench::new(&script(text, &more)).await;
    let job = bench.start(json!({})).await;
    bench.wait(job, "more than half", |view| view.progress.fraction == Some(0.55)).await;
    std::fs::write(&gate, "go\n").expect("it is read");
    let view = bench.ended(job).await;
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!(bench.log(job).await, ["one", "two", "three", "100% |####|", "end"]);
}

#[tokio::test]
async fn colours_stand_beside_the_text() {
    let text = r"if [ -t 1 ]; then printf '\033[1;31mno such host\033[0m: %s\n' example; fi; exit 4";
    let bench = Bench::new(&script(text, TERMINAL)).await;
    let view = bench.run(json!({})).await;
    assert_eq!(failure(&view), ("exit_4", "sh ended with exit code 4: no such host: example"));
    let lines = bench.lines(view.job).await;
    let mut pieces = Vec::new();
    lines[0].paint.pieces(&lines[0].text, |style, piece| pieces.push((style, piece)));
    assert_eq!(pieces, [("1b", "no such host"), ("", ": example")]);
}

#[tokio::test]
async fn what_was_printed_is_whole_when_the_program_is_gone() {
    let bench = Bench::new(&script("seq 100000; exec true", "terminal = true\nprogress = 'none'")).await;
    let view = bench.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
    let detail = bench.engine.detail(view.job).await.expect("read");
    assert_eq!(detail.output.expect("a result")["last_line"], "100000");
    let last = bench.log(view.job).await;
    assert_eq!(last[..3], ["1", "2", "3"]);
    // What comes faster than a log can take is counted in it.
    let mut kept = 0;
    let mut from = 1;
    loop {
        let query = engine::store::LogQuery { from: Some(from), limit: 10_000, ..Default::default() };
        let page = bench.engine.store().log(view.job, &query).await.expect("the log");
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
async fn many_that_are_gone_at_once_lose_nothing() {
    let bench = Bench::new(&script("printf 'no line break'", TERMINAL)).await;
    for _ in 0..20 {
        let view = bench.run(json!({})).await;
        assert_eq!(bench.log(view.job).await, ["no line break"]);
    }
}

#[tokio::test]
async fn a_cancel_is_heard() {
    let text = "trap 'echo asked; exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let bench = Bench::new(&script(text, TERMINAL)).await;
    let job = bench.start(json!({})).await;
    bench.says(job, "ready").await;
    bench.engine.cancel(job, "ann").await.expect("asked");
    assert_eq!(bench.ended(job).await.state, JobState::Cancelled);
    let log = bench.log(job).await;
    assert!(log.contains(&"asked".to_owned()) && log.contains(&"sent SIGTERM".to_owned()), "{log:?}");
}

#[tokio::test]
async fn whoever_keeps_it_open_is_ended_with_the_job() {
    let (inside, outside) = (a_long_time(), a_long_time());
    let text =
        format!("sleep {inside} & (setsid sh -c 'echo gone; sleep {outside}' &); until [ -e here ]; do ls; done");
    let text = text.replace("echo gone", "echo gone; : > here").replace("do ls", "do sleep 0.01");
    let bench = Bench::new(&script(&text, TERMINAL)).await;
    let view = bench.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded);
    assert_eq!((alive(&inside), alive(&outside)), (vec![], vec![]));
    let log = bench.log(view.job).await;
    assert!(log.contains(&"gone".to_owned()), "{log:?}");
    assert!(log.iter().any(|line| line.starts_with("ended ")), "{log:?}");
}
