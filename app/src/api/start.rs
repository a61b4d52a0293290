//! Starting a job.

use leptos::prelude::*;
use model::JobId;

use super::ApiResult;

/// The longest input accepted, bytes of JSON text.
pub const INPUT_LIMIT: usize = 16 * 1024 * 1024;

/// Starts a job of `kind` with `input`, a JSON object as text, and answers its number.
#[server(endpoint = "start_job")]
pub async fn start_job(kind: String, input: String, rerun_of: Option<JobId>) -> ApiResult<JobId> {
    let engine = crate::context::app().engine;
    let input = parse(&input)?;
    let options = engine::StartOptions { by: "local".to_owned(), rerun_of, ..Default::default() };
    Ok(engine.start(&kind, input, options).await?)
}

/// The JSON in `input`.
#[cfg(feature = "ssr")]
fn parse(input: &str) -> ApiResult<serde_json::Value> {
    use super::ApiError;
    if input.len() > INPUT_LIMIT {
        return Err(ApiError::in_field("too_large", "input", "The input is larger than 16 MiB of JSON"));
    }
    serde_json::from_str(input)
        .map_err(|error| ApiError::in_field("malformed", "input", format!("The input is not JSON: {error}")))
}
