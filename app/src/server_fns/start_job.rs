//! Start of a job.
#![expect(clippy::too_many_arguments, reason = "a start has as many parameters as its form has fields")]

use std::collections::BTreeMap;

use engine::StartOptions;
use leptos::prelude::*;
use model::JobId;
use serde::de::DeserializeOwned;

use super::{ApiError, ApiResult};
use crate::{
    context::app,
    forms::{Draft, start_options},
};

/// The longest input, bytes of JSON text.
pub const INPUT_LIMIT: usize = 16 * 1024 * 1024;

/// Starts a job of `kind` and returns its number. The input is `input`, a JSON object as text, or `entries`, a JSON
/// object with the text of each form field.
///
/// Optional with `input`: `start_at` (RFC 3339, or date and time in the server's zone), `priority` (-9 to 9, default
/// 0), `unique_key` (returns the user's unfinished job of this kind with the same key, if there is one) and
/// `idempotency_key` (within 24 h, the same key of the same user returns the same job).
#[server(endpoint = "start_job")]
pub async fn start_job(
    kind: String,
    input: Option<String>,
    entries: Option<String>,
    rerun_of: Option<JobId>,
    start_at: Option<String>,
    priority: Option<String>,
    unique_key: Option<String>,
    idempotency_key: Option<String>,
) -> ApiResult<JobId> {
    let engine = app().engine;
    match (input, entries) {
        (Some(input), None) => {
            let options = StartOptions {
                rerun_of,
                run_at: argument("start_at", start_at, start_options::start_at)?,
                priority: argument("priority", priority, start_options::priority)?.unwrap_or_default(),
                unique_key,
                idempotency_key,
                ..StartOptions::default()
            };
            Ok(engine.start(&kind, parse("input", &input)?, options).await?)
        }
        (None, Some(entries)) => {
            let mut draft = Draft { rerun_of, ..Draft::default() };
            parse::<BTreeMap<_, _>>("entries", &entries)?.into_iter().for_each(|(name, text)| draft.enter(name, text));
            Ok(draft.start(&engine, &kind).await?)
        }
        (None, None) => Err(ApiError::in_field("missing_argument", "input", "Missing parameter “input”.")),
        (Some(_), Some(_)) => {
            Err(ApiError::in_field("malformed", "entries", "Send either “input” or form entries, not both."))
        }
    }
}

/// Parses the argument `name`, if it is given.
fn argument<T>(name: &str, text: Option<String>, read: fn(&str) -> Result<T, String>) -> ApiResult<Option<T>> {
    text.map(|text| read(&text).map_err(|message| ApiError::in_field("malformed", name, message))).transpose()
}

/// Parses the JSON in the argument `name`.
fn parse<T: DeserializeOwned>(name: &str, text: &str) -> ApiResult<T> {
    if text.len() > INPUT_LIMIT {
        return Err(ApiError::in_field("too_large", name, format!("Parameter “{name}” is larger than 16 MiB.")));
    }
    let fault = |error| ApiError::in_field("malformed", name, format!("Invalid JSON in “{name}”: {error}"));
    serde_json::from_str(text).map_err(fault)
}
