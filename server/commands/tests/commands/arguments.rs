//! Arguments, environment and folder of a program.

use engine::{Error, StartOptions};
use model::JobState;
use serde_json::{Value, json};

use crate::support::{TestEngine, script};

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

async fn arguments(test: &TestEngine, input: Value) -> Vec<String> {
    let view = test.run(input).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?}");
    test.log(view.job).await
}

#[tokio::test]
async fn values_are_arguments_without_shell_expansion() {
    let test = TestEngine::new(ARGUMENTS).await;
    let logged = arguments(&test, json!({ "text": "a b; $(id) 'x' \"y\" *" })).await;
    let value = "a b; $(id) 'x' \"y\" *";
    assert_eq!(
        logged,
        [format!("[--text={value}]"), format!("[{value}]"), "[two]".into(), "[--]".into(), "[end]".into()]
    );
    let all = json!({ "text": "t", "number": 7, "loud": true, "choice": "one", "free": "-free", "last": "-last" });
    let logged = arguments(&test, all).await;
    assert_eq!(logged, ["[--text=t]", "[t]", "[-x]", "[7]", "[--loud]", "[one]", "[-free]", "[--]", "[-last]"]);
}

#[tokio::test]
async fn value_with_leading_dash_is_rejected_by_field() {
    let test = TestEngine::new(ARGUMENTS).await;
    let refused = test.engine.start("probe", json!({ "text": "-rf" }), StartOptions::default()).await;
    let Err(Error::InvalidInput(errors)) = refused else { panic!("{refused:?}") };
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].field, "text");
    assert!(errors[0].message.contains("dash"), "{errors:?}");
    let refused = test.engine.start("probe", json!({ "text": "a\0b" }), StartOptions::default()).await;
    assert!(matches!(refused, Err(Error::InvalidInput(_))), "{refused:?}");
}

#[tokio::test]
async fn double_dash_as_value_does_not_end_options() {
    let test = TestEngine::new(
        r#"
[command.probe]
argv = ["echo", ["--message", "{{-message}}"], "{{file}}"]
parameters = { message = { type = "string" }, file = { type = "string" } }
"#,
    )
    .await;
    let input = json!({ "message": "--", "file": "--delete" });
    let refused = test.engine.start("probe", input, StartOptions::default()).await;
    let Err(Error::InvalidInput(errors)) = refused else { panic!("{refused:?}") };
    assert_eq!(errors.iter().map(|error| error.field.as_str()).collect::<Vec<_>>(), ["file"]);
}

#[tokio::test]
async fn form_and_title_are_as_declared() {
    let test = TestEngine::new(ARGUMENTS).await;
    let task = test.engine.task("probe").expect("it is there");
    let fields: Vec<_> = task.form.fields.iter().map(|field| (field.name.as_str(), field.required)).collect();
    assert_eq!(
        fields,
        [("text", true), ("number", false), ("loud", false), ("choice", false), ("free", false), ("last", false)]
    );
    let job = test.start(json!({ "text": "it" })).await;
    assert_eq!(test.ended(job).await.title, "Probe it");
    let refused = test.engine.start("probe", json!({ "text": "it", "number": -1 }), StartOptions::default()).await;
    assert!(matches!(refused, Err(Error::InvalidInput(_))), "{refused:?}");
}

#[tokio::test]
async fn environment_is_minimal_plus_declared_variables() {
    let table = script("env", "env = { GREETING = 'hello {{name}}', NONE = '{{none}}' }\n")
        + "[command.probe.parameters]\nname = { type = 'string' }\nnone = { type = 'string', optional = true }\n";
    let test = TestEngine::new(&table).await;
    let view = test.run(json!({ "name": "you" })).await;
    let known = [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PWD", "_", "SHLVL", "OLDPWD",
    ];
    let mut ours = Vec::new();
    for line in test.log(view.job).await {
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
async fn program_has_own_folder_and_no_inherited_files() {
    let test = TestEngine::new(&script("ls /proc/self/fd | tr '\\n' ' '; echo; wc -c; pwd; ls -a | wc -l", "")).await;
    let view = test.run(json!({})).await;
    let log = test.log(view.job).await;
    // The fourth is the folder that `ls` reads. Those above 9 can only be inherited from the parent of this process.
    let open: Vec<&str> = log[0].split_whitespace().filter(|number| number.len() == 1).collect();
    assert_eq!(open, ["0", "1", "2", "3"]);
    assert_eq!(log[1], "0");
    assert!(log[2].contains("/data/jobs/"), "{log:?}");
    assert_eq!(log[3], "2");
    assert!(!std::path::Path::new(&log[2]).exists());
}

#[tokio::test]
async fn path_is_canonical_and_upload_is_its_file() {
    let table = r#"
[command.probe]
argv = ["sh", "-c", 'echo "$1"; cat "$2"', "sh", "{{folder}}", "{{file}}"]
[command.probe.parameters]
folder = { type = "string", format = "rooted-path" }
file = { type = "string", format = "upload" }
"#;
    let test = TestEngine::new(table).await;
    let mut upload = test.engine.uploads().begin("a.txt", None, &"ann".into()).await.expect("room");
    upload.write(b"what it says").await.expect("room");
    let upload = upload.finish().await.expect("kept");
    std::fs::create_dir(test.engine.data_dir().files().join("sub")).expect("created");
    let view = test.run(json!({ "folder": "sub", "file": upload.id })).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?} {:?}", test.log(view.job).await);
    let real = test.engine.data_dir().files().join("sub").canonicalize().expect("there");
    assert_eq!(test.log(view.job).await, [real.to_str().expect("UTF-8"), "what it says"]);
    let refused = test.engine.start("probe", json!({ "folder": "/etc", "file": upload.id }), StartOptions::default());
    assert!(refused.await.is_err());
}
