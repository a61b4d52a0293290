//! What a person decides about queues and kinds. Each is also a plain form of the page of queues.

use engine::store::GateChange;
use leptos::prelude::*;
use model::GateOf;

use super::{ApiError, ApiResult};

/// The most jobs that a limit lets run at once.
pub const MOST_AT_ONCE: u32 = 10_000;

/// Lets no job of a queue start any more; what runs goes on. One that is paused stays as it is.
#[server(endpoint = "pause_queue")]
pub async fn pause_queue(queue: String) -> ApiResult<()> {
    change(GateOf::Queue, &queue, GateChange::Pause).await
}

/// Lets the jobs of a queue start again.
#[server(endpoint = "resume_queue")]
pub async fn resume_queue(queue: String) -> ApiResult<()> {
    change(GateOf::Queue, &queue, GateChange::Resume).await
}

/// How many jobs of a queue may run at once, in all processes together: 1 to 10,000, or nothing for any number.
#[server(endpoint = "limit_queue")]
pub async fn limit_queue(queue: String, at_once: String) -> ApiResult<()> {
    change(GateOf::Queue, &queue, GateChange::Limit(limit(&at_once)?)).await
}

/// Lets no job of a kind start any more; what runs goes on. One that is paused stays as it is.
#[server(endpoint = "pause_kind")]
pub async fn pause_kind(kind: String) -> ApiResult<()> {
    change(GateOf::Kind, &kind, GateChange::Pause).await
}

/// Lets the jobs of a kind start again.
#[server(endpoint = "resume_kind")]
pub async fn resume_kind(kind: String) -> ApiResult<()> {
    change(GateOf::Kind, &kind, GateChange::Resume).await
}

/// How many jobs of a kind may run at once, in all processes together: 1 to 10,000, or nothing for as many as its task
/// allows.
#[server(endpoint = "limit_kind")]
pub async fn limit_kind(kind: String, at_once: String) -> ApiResult<()> {
    change(GateOf::Kind, &kind, GateChange::Limit(limit(&at_once)?)).await
}

async fn change(of: GateOf, name: &str, change: GateChange) -> ApiResult<()> {
    Ok(crate::context::app().desk.change_gate(of, name, change).await?)
}

/// A limit as it was typed.
fn limit(text: &str) -> ApiResult<Option<u32>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(limit) if (1..=MOST_AT_ONCE).contains(&limit) => Ok(Some(limit)),
        _ => {
            let fault = format!(
                "Enter a whole number from 1 to {1}, or leave the limit empty. “{0}” is neither.",
                text.chars().take(40).collect::<String>(),
                model::count(u64::from(MOST_AT_ONCE)),
            );
            Err(ApiError::in_field("invalid_limit", "at_once", fault))
        }
    }
}
