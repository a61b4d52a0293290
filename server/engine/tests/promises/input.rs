//! Task input: validation reports all errors together, by field, with the remedy.

use engine::{Engine, Error, StartOptions};
use model::FieldError;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::form::Everything;

struct Place {
    engine: Engine,
    _folder: TempDir,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("music")).expect("made");
    let engine = Engine::builder(folder.path().join("data"));
    let engine = engine.roots(vec![root]).register(Everything).open().await.expect("it opens");
    Place { engine, _folder: folder }
}

impl Place {
    async fn faults(&self, input: Value) -> Vec<FieldError> {
        match self.engine.start("everything", input, StartOptions::default()).await {
            Err(Error::InvalidInput(faults)) => faults,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the only error of a valid input after `change`.
    async fn fault(&self, change: Value) -> (String, String) {
        let mut input = json!({ "folder": "music", "on_error": "stop" });
        for (name, value) in change.as_object().expect("an object") {
            input[name] = value.clone();
        }
        match self.faults(input).await.as_slice() {
            [FieldError { field, message }] => (field.clone(), message.clone()),
            faults => panic!("{faults:?}"),
        }
    }
}

#[tokio::test]
async fn valid_input_is_accepted_with_title() {
    let place = place().await;
    let input = json!({ "folder": "music", "on_error": "stop", "share": 1, "manifest": null });
    let job = place.engine.start("everything", input, StartOptions::default()).await.expect("it fits");
    let view = place.engine.job(job).await.expect("known");
    assert_eq!((view.title.as_str(), view.created_by.as_str()), ("Everything in music", "local"));
}

#[tokio::test]
async fn input_errors_are_reported_together_in_form_order() {
    let place = place().await;
    let faults = place.faults(json!({ "foldr": "music", "concurrency": 100, "algorithm": "md5", "small": "x" })).await;
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["foldr", "folder", "algorithm", "on_error", "concurrency", "small"]);
}

#[tokio::test]
async fn errors_of_task_are_reported_with_those_of_form() {
    let place = place().await;
    let faults = place.faults(json!({ "keep_going": true, "on_error": "go", "concurrency": 100, "foldr": "x" })).await;
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["foldr", "folder", "on_error", "concurrency", "keep_going"]);
    // The task cannot check what it cannot read: `urls` is there, so there is something to keep going with.
    let faults = place.faults(json!({ "folder": "music", "on_error": "stop", "keep_going": true, "urls": 7 })).await;
    let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["urls"]);
}

#[tokio::test]
async fn input_error_names_field_and_remedy() {
    let place = place().await;
    let cases = [
        (json!({ "on_error": null }), "on_error", "On error is required."),
        (json!({ "concurency": 3 }), "concurency", "There is no field `concurency`; did you mean `concurrency`?"),
        (json!({ "concurrency": 0 }), "concurrency", "Links at once must be a whole number from 1 to 64; it is 0."),
        (json!({ "concurrency": 1.5 }), "concurrency", "Links at once must be a whole number from 1 to 64, not 1.5."),
        (json!({ "concurrency": "8" }), "concurrency", "Links at once must be a whole number from 1 to 64, not `8`."),
        (json!({ "share": 1.01 }), "share", "Share of the sample must be a number from 0 to 1; it is 1.01."),
        (json!({ "keep_going": "yes" }), "keep_going", "Keep going must be true or false, not `yes`."),
        (json!({ "algorithm": "md5" }), "algorithm", "Algorithm must be one of `sha256`, `blake3`, not `md5`."),
        (json!({ "algorithm": ["sha256"] }), "algorithm", "Algorithm must be one of `sha256`, `blake3`, not a list."),
        (json!({ "urls": "" }), "urls", "Addresses must be 1 to 20 characters long; it has 0."),
        (json!({ "urls": 7 }), "urls", "Addresses must be text, not a number."),
        (json!({ "folder": 7 }), "folder", "Folder to hash must be a path, not a number."),
        (json!({ "keep_going": true }), "keep_going", "There is nothing to keep going with."),
    ];
    for (change, field, message) in cases {
        assert_eq!(place.fault(change).await, (field.to_owned(), message.to_owned()));
    }
}

#[tokio::test]
async fn path_outside_roots_or_unknown_upload_is_rejected() {
    let place = place().await;
    for path in ["/etc", "../x", "nothing", ""] {
        let (field, message) = place.fault(json!({ "folder": path })).await;
        assert!(field == "folder" && message.contains(path) && message.ends_with('.'), "{message}");
    }
    for id in ["", "../../etc/passwd", "0123456789abcdef0123456789abcdef"] {
        let (field, message) = place.fault(json!({ "manifest": id })).await;
        assert!(field == "manifest" && message.starts_with("There is no upload"), "{message}");
    }
}

#[tokio::test]
async fn oversized_or_non_object_input_is_rejected() {
    let place = place().await;
    for input in [json!(null), json!([]), json!("x"), json!(7)] {
        let faults = place.faults(input).await;
        assert!(faults.len() == 1 && faults[0].field.is_empty() && faults[0].message.contains("JSON object"));
    }
}

#[tokio::test]
async fn unknown_kind_is_rejected_with_known_kinds() {
    let place = place().await;
    let error = place.engine.start("checksun", json!({}), StartOptions::default()).await.expect_err("unknown");
    assert_eq!(error.to_string(), "there is no task checksun; there are everything");
}
