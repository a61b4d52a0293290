//! Queue actions: pause, resume and limit queues and tasks. Each is also a form of the queues page.

use engine::store::ControlChange;
use leptos::prelude::*;
use model::ControlTarget;

use super::{ApiError, ApiResult};

/// The largest limit of parallel jobs.
pub const MAX_PARALLEL_JOBS: u32 = 10_000;

/// Pauses a queue: its waiting jobs do not start, running ones continue. No change if it is paused.
#[server(endpoint = "pause_queue")]
pub async fn pause_queue(queue: String) -> ApiResult<()> {
    pause(ControlTarget::Queue, queue).await
}

/// Resumes a queue.
#[server(endpoint = "resume_queue")]
pub async fn resume_queue(queue: String) -> ApiResult<()> {
    change(ControlTarget::Queue, &queue, ControlChange::Resume).await
}

/// Limits the parallel jobs of a queue, over all processes: 1 to 10,000, or empty for no limit.
#[server(endpoint = "limit_queue")]
pub async fn limit_queue(queue: String, at_once: String) -> ApiResult<()> {
    change(ControlTarget::Queue, &queue, ControlChange::Limit(limit(&at_once)?)).await
}

/// Pauses a kind: its waiting jobs do not start, running ones continue. No change if it is paused.
#[server(endpoint = "pause_kind")]
pub async fn pause_kind(kind: String) -> ApiResult<()> {
    pause(ControlTarget::Kind, kind).await
}

/// Resumes a kind.
#[server(endpoint = "resume_kind")]
pub async fn resume_kind(kind: String) -> ApiResult<()> {
    change(ControlTarget::Kind, &kind, ControlChange::Resume).await
}

/// Limits the parallel jobs of a kind, over all processes: 1 to 10,000, or empty for the task's own limit.
#[server(endpoint = "limit_kind")]
pub async fn limit_kind(kind: String, at_once: String) -> ApiResult<()> {
    change(ControlTarget::Kind, &kind, ControlChange::Limit(limit(&at_once)?)).await
}

/// Pauses. Without script, the next page offers to undo it; with script, a toast does.
async fn pause(of: ControlTarget, name: String) -> ApiResult<()> {
    use crate::session::flash::{self, Flash, Undo};

    change(of, &name, ControlChange::Pause).await?;
    if let Some(session) = flash::without_script() {
        let text = paused_text(of, &name);
        let undo =
            Some(Undo { function: format!("resume_{}", of.as_str()), name: of.as_str().to_owned(), value: name });
        flash::set(&session, Flash { undo, ..Flash::new(model::Tone::Success, text) }).await;
    }
    Ok(())
}

/// `Queue “disk” is paused.`
pub fn paused_text(of: ControlTarget, name: &str) -> String {
    match of {
        ControlTarget::Queue => format!("Queue “{name}” is paused."),
        ControlTarget::Kind => {
            let engine = crate::context::app().engine;
            format!("Task “{}” is paused.", engine.task(name).map_or(name, |task| task.name))
        }
    }
}

async fn change(of: ControlTarget, name: &str, change: ControlChange) -> ApiResult<()> {
    Ok(crate::context::app().engine.change_control(of, name, change).await?)
}

/// Parses a limit.
fn limit(text: &str) -> ApiResult<Option<u32>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse() {
        Ok(limit) if (1..=MAX_PARALLEL_JOBS).contains(&limit) => Ok(Some(limit)),
        _ => {
            let fault = format!(
                "Enter a whole number from 1 to {1}, or leave the limit empty. “{0}” is neither.",
                text.chars().take(40).collect::<String>(),
                model::count(u64::from(MAX_PARALLEL_JOBS)),
            );
            Err(ApiError::in_field("invalid_limit", "at_once", fault))
        }
    }
}
