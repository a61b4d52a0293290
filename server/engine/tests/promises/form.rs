//! Forms: derived from the input type of a task.

use engine::{Ctx, Engine, FolderPath, Kind, Task, TaskError, UploadRef};
use model::{Choice, FieldKind, Form, PathKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// An input with a field of every type; also used by the input tests.
pub(crate) struct Everything;

#[derive(Deserialize, JsonSchema)]
pub(crate) struct Input {
    /// Folder to hash.
    ///
    /// Every file under it, at any
    /// depth.
    folder: FolderPath,
    /// Manifest to verify
    manifest: Option<UploadRef>,
    /// Algorithm
    #[serde(default)]
    algorithm: Algorithm,
    on_error: OnError,
    /// Links at once
    #[schemars(range(min = 1, max = 64))]
    #[serde(default = "eight")]
    concurrency: u32,
    /// Share of the sample
    #[schemars(range(min = 0.0, max = 1.0))]
    share: Option<f64>,
    /// Addresses
    /// One a line.
    #[schemars(length(min = 1, max = 20), extend("x-multiline" = true))]
    urls: Option<String>,
    /// Keep going
    #[serde(default)]
    keep_going: bool,
    small: Option<u8>,
}

fn eight() -> u32 {
    8
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Algorithm {
    /// SHA-256, which `sha256sum` reads.
    #[default]
    Sha256,
    /// BLAKE3
    Blake3,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OnError {
    SkipRow,
    Stop,
}

impl Task for Everything {
    const KIND: Kind = Kind::new("everything");
    const NAME: &'static str = "Everything";
    const ABOUT: &'static str = "Has one field of every sort.";
    type Input = Input;
    type Output = ();

    fn title(input: &Input) -> String {
        format!("Everything in {}", input.folder.0)
    }

    fn check(input: &Input) -> Result<(), Vec<model::FieldError>> {
        if input.urls.is_none() && input.keep_going {
            let message = "There is nothing to keep going with.".to_owned();
            return Err(vec![model::FieldError { field: "keep_going".to_owned(), message }]);
        }
        Ok(())
    }

    async fn run(&self, input: Input, _ctx: &Ctx) -> Result<(), TaskError> {
        // The fields are used by the form only.
        drop((input.manifest, input.algorithm, input.on_error, input.concurrency, input.share, input.small));
        Ok(())
    }
}

async fn form() -> Form {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let engine = Engine::builder(folder.path()).register(Everything).open().await.expect("it opens");
    engine.task("everything").expect("registered").form.clone()
}

#[tokio::test]
async fn form_fields_keep_declaration_order() {
    let names: Vec<_> = form().await.fields.into_iter().map(|field| field.name).collect();
    let declared =
        ["folder", "manifest", "algorithm", "on_error", "concurrency", "share", "urls", "keep_going", "small"];
    assert_eq!(names, declared);
}

#[tokio::test]
async fn form_labels_and_help_are_doc_comments() {
    let form = form().await;
    let words = |at: usize| (form.fields[at].label.as_str(), form.fields[at].help.as_str());
    assert_eq!(words(0), ("Folder to hash", "Every file under it, at any depth."));
    assert_eq!(words(1), ("Manifest to verify", ""));
    assert_eq!(words(3), ("On error", ""), "without a comment, the name");
    assert_eq!(words(6), ("Addresses", "One a line."));
}

#[tokio::test]
async fn form_control_follows_field_type() {
    let form = form().await;
    let choice = |value: &str, label: &str| Choice { value: value.to_owned(), label: label.to_owned() };
    let expected = [
        FieldKind::Path { takes: PathKind::Folder },
        FieldKind::Upload,
        FieldKind::Choice {
            choices: vec![choice("sha256", "SHA-256, which `sha256sum` reads"), choice("blake3", "BLAKE3")],
        },
        FieldKind::Choice { choices: vec![choice("skip_row", "Skip row"), choice("stop", "Stop")] },
        FieldKind::Integer { min: Some(1), max: Some(64) },
        FieldKind::Number { min: Some(0.0), max: Some(1.0) },
        FieldKind::Text { multiline: true, min_length: Some(1), max_length: Some(20) },
        FieldKind::Boolean,
        FieldKind::Integer { min: Some(0), max: Some(255) },
    ];
    for (field, expected) in form.fields.iter().zip(expected) {
        assert_eq!(field.kind, expected, "{}", field.name);
    }
}

#[tokio::test]
async fn optional_or_default_field_is_not_required() {
    let form = form().await;
    let required: Vec<_> = form.fields.iter().filter(|field| field.required).map(|field| field.name.as_str()).collect();
    assert_eq!(required, ["folder", "on_error"]);
    assert_eq!(form.fields[2].default, Some(json!("sha256")));
    assert_eq!(form.fields[4].default, Some(json!(8)));
}

#[derive(Deserialize, JsonSchema)]
struct Nested {
    /// A list has no form control.
    list: Vec<String>,
}

struct Unshowable;

impl Task for Unshowable {
    const KIND: Kind = Kind::new("unshowable");
    const NAME: &'static str = "Unshowable";
    const ABOUT: &'static str = "Cannot be shown.";
    type Input = Nested;
    type Output = ();

    fn title(input: &Nested) -> String {
        input.list.concat()
    }

    async fn run(&self, _input: Nested, _ctx: &Ctx) -> Result<(), TaskError> {
        Ok(())
    }
}

#[test]
#[should_panic(expected = "the input field `list` of the task `unshowable`")]
fn unsupported_field_is_rejected_at_registration() {
    let _ = Engine::builder("unused").register(Unshowable);
}

#[test]
#[should_panic(expected = "the kind everything is registered twice")]
fn kind_cannot_be_registered_twice() {
    let _ = Engine::builder("unused").register(Everything).register(Everything);
}
