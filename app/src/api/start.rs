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

/// Starts a job of `kind`, and answers its number. What it is to do comes as `input`, a JSON object as text, or as
/// `entries`, a JSON object with the text that stands in each field of the task's form.
#[server(endpoint = "start_job")]
pub async fn start_job(
    kind: String,
    input: Option<String>,
    entries: Option<String>,
    rerun_of: Option<JobId>,
) -> ApiResult<JobId> {
    let engine = app().engine;
    match (input, entries) {
        (Some(input), None) => {
            let options = StartOptions { rerun_of, ..StartOptions::default() };
            Ok(engine.start(&kind, parse("input", &input)?, options).await?)
        }
        (None, Some(entries)) => {
            let mut draft = Draft { rerun_of, ..Draft::default() };
            parse::<BTreeMap<_, _>>("entries", &entries)?.into_iter().for_each(|(name, text)| draft.enter(name, text));
            Ok(draft.start(&engine, &kind).await?)
        }
        (None, None) => Err(ApiError::in_field("missing_argument", "input", "The argument input is missing")),
        (Some(_), Some(_)) => {
            Err(ApiError::in_field("malformed", "entries", "Send the input or the entries of a form, not both"))
        }
    }
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
