//! What a program is started with.

use engine::{Error, StartOptions};
use model::JobState;
use serde_json::{Value, json};

use crate::bench::{Bench, script};

const ARGUMENTS: &str = r#"
[command.probe]
name = "Probe"
title = "Probe {{text}}"
argv = [
    "sh", "-c", 'for it in "$@"; do echo "[$it]"; done', "sh",
    "--text={{text}}", "{{text}}", ["-x", "{{number}}"], "{{loud?--loud}}", "{{choice}}", "{{-free}}", "--", "{{last}}",
]
[command.probe.parameters]
text = { type = "string", title = "Text" }
number = { type = "integer", minimum = 0, optional = true }
loud = { type = "boolean" }
choice = { type = "string", enum = ["one", "two"], default = "two" }
free = { type = "string", optional = true }
last = { type = "string", default = "end" }
"#;

async fn arguments(bench: &Bench, input: Value) -> Vec<String> {
    let view = bench.run(input).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?}");
    bench.log(view.job).await
}

#[tokio::test]
async fn values_are_arguments_never_words_of_a_shell() {
    let bench = Bench::new(ARGUMENTS).await;
    let told = arguments(&bench, json!({ "text": "a b; $(id) 'x' \"y\" *" })).await;
    let text = "a b; $(id) 'x' \"y\" *";
    assert_eq!(told, [format!("[--text={text}]"), format!("[{text}]"), "[two]".into(), "[--]".into(), "[end]".into()]);
    let all = json!({ "text": "t", "number": 7, "loud": true, "choice": "one", "free": "-free", "last": "-last" });
    let told = arguments(&bench, all).await;
    assert_eq!(told, ["[--text=t]", "[t]", "[-x]", "[7]", "[--loud]", "[one]", "[-free]", "[--]", "[-last]"]);
}

#[tokio::test]
async fn a_value_that_would_be_an_option_is_refused_with_its_field() {
    let bench = Bench::new(ARGUMENTS).await;
    let refused = bench.engine.start("probe", json!({ "text": "-rf" }), StartOptions::default()).await;
    let Err(Error::InvalidInput(faults)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].field, "text");
    assert!(faults[0].message.contains("dash"), "{faults:?}");
    let refused = bench.engine.start("probe", json!({ "text": "a\0b" }), StartOptions::default()).await;
    assert!(matches!(refused, Err(Error::InvalidInput(_))), "{refused:?}");
}

#[tokio::test]
async fn two_dashes_that_are_a_value_end_no_options() {
    let bench = Bench::new(
        r#"
[command.probe]
argv = ["echo", ["--message", "{{-message}}"], "{{file}}"]
parameters = { message = { type = "string" }, file = { type = "string" } }
"#,
    )
    .await;
    let wish = json!({ "message": "--", "file": "--delete" });
    let refused = bench.engine.start("probe", wish, StartOptions::default()).await;
    let Err(Error::InvalidInput(faults)) = refused else { panic!("{refused:?}") };
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["file"]);
}

#[tokio::test]
async fn the_form_and_the_title_are_as_declared() {
    let bench = Bench::new(ARGUMENTS).await;
    let task = bench.engine.task("probe").expect("it is there");
    let fields: Vec<_> = task.form.fields.iter().map(|field| (field.name.as_str(), field.required)).collect();
    assert_eq!(
        fields,
        [("text", true), ("number", false), ("loud", false), ("choice", false), ("free", false), ("last", false)]
    );
    let job = bench.start(json!({ "text": "it" })).await;
    assert_eq!(bench.ended(job).await.title, "Probe it");
    let refused = bench.engine.start("probe", json!({ "text": "it", "number": -1 }), StartOptions::default()).await;
    assert!(matches!(refused, Err(Error::InvalidInput(_))), "{refused:?}");
}

#[tokio::test]
async fn a_program_gets_a_short_environment_and_what_is_declared() {
    let table = script("env", "env = { GREETING = 'hello {{name}}', NONE = '{{none}}' }\n")
        + "[command.probe.parameters]\nname = { type = 'string' }\nnone = { type = 'string', optional = true }\n";
    let bench = Bench::new(&table).await;
    let view = bench.run(json!({ "name": "you" })).await;
    let known = [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PWD", "_", "SHLVL", "OLDPWD",
    ];
    let mut ours = Vec::new();
    for line in bench.log(view.job).await {
        let (name, value) = line.split_once('=').expect("a variable");
        if !known.contains(&name) {
            ours.push((name.to_owned(), value.to_owned()));
        }
    }
    ours.sort();
    let names: Vec<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["GREETING", "MILEPOST_ATTEMPT", "MILEPOST_BOOT", "MILEPOST_JOB"]);
    assert_eq!(ours[0].1, "hello you");
    assert_eq!(ours[3].1, view.job.to_string());
}

#[tokio::test]
async fn a_program_gets_no_open_file_no_input_and_a_folder_of_its_own() {
    let bench = Bench::new(&script("ls /proc/self/fd | tr '\\n' ' '; echo; wc -c; pwd; ls -a | wc -l", "")).await;
    let view = bench.run(json!({})).await;
    let log = bench.log(view.job).await;
    // The fourth is the folder that `ls` looks at. Those above 9 can only come from whoever started this process.
    let open: Vec<&str> = log[0].split_whitespace().filter(|number| number.len() == 1).collect();
    assert_eq!(open, ["0", "1", "2", "3"]);
    assert_eq!(log[1], "0");
    assert!(log[2].contains("/data/jobs/"), "{log:?}");
    assert_eq!(log[3], "2");
    assert!(!std::path::Path::new(&log[2]).exists());
}

#[tokio::test]
async fn a_path_is_the_real_one_and_an_upload_is_its_file() {
    let table = r#"
[command.probe]
argv = ["sh", "-c", 'echo "$1"; cat "$2"', "sh", "{{folder}}", "{{file}}"]
[command.probe.parameters]
folder = { type = "string", format = "rooted-path" }
file = { type = "string", format = "upload" }
"#;
    let bench = Bench::new(table).await;
    let mut upload = bench.engine.uploads().begin("a.txt", None, &"ann".into()).await.expect("room");
    upload.write(b"what it says").await.expect("room");
    let upload = upload.finish().await.expect("kept");
    std::fs::create_dir(bench.engine.data_dir().files().join("sub")).expect("created");
    let view = bench.run(json!({ "folder": "sub", "file": upload.id })).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?} {:?}", bench.log(view.job).await);
    let real = bench.engine.data_dir().files().join("sub").canonicalize().expect("there");
    assert_eq!(bench.log(view.job).await, [real.to_str().expect("UTF-8"), "what it says"]);
    let refused = bench.engine.start("probe", json!({ "folder": "/etc", "file": upload.id }), StartOptions::default());
    assert!(refused.await.is_err());
}
