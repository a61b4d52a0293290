//! Starting a job.

use std::collections::BTreeMap;

use engine::StartOptions;
use leptos::prelude::*;
use model::JobId;
use serde::de::DeserializeOwned;

use super::{ApiError, ApiResult};
use crate::{context::app, pages::new::Draft};

/// The longest input accepted, bytes of JSON text.
pub const INPUT_LIMIT: usize = 16 * 1024 * 1024;

/// Starts a job of `kind` with `input`, a JSON object as text, and answers its number.
#[server(endpoint = "start_job")]
pub async fn start_job(kind: String, input: String, rerun_of: Option<JobId>) -> ApiResult<JobId> {
    let options = StartOptions { by: "local".to_owned(), rerun_of, ..StartOptions::default() };
    Ok(app().engine.start(&kind, parse("input", &input)?, options).await?)
}

/// Starts a job from the form of its task: `entries` is a JSON object with the text that stands in each field.
/// Answers the job's number, and where its page is.
#[server(endpoint = "start_from_form")]
pub async fn start_from_form(kind: String, entries: String) -> ApiResult<JobId> {
    let entries: BTreeMap<String, String> = parse("entries", &entries)?;
    let mut draft = Draft::default();
    for (name, text) in entries {
        draft.enter(name, text);
    }
    let job = draft.start(&app().engine, &kind).await?;
    leptos_axum::redirect(&format!("/jobs/{job}"));
    Ok(job)
}

/// The JSON in the argument `name`.
fn parse<T: DeserializeOwned>(name: &str, text: &str) -> ApiResult<T> {
    if text.len() > INPUT_LIMIT {
        return Err(ApiError::in_field(
            "too_large",
            name,
            format!("The {name} argument is larger than 16 MiB of JSON"),
        ));
    }
    let fault =
        |error| ApiError::in_field("malformed", name, format!("The {name} argument is not as it should be: {error}"));
    serde_json::from_str(text).map_err(fault)
}
