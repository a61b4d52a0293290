//! Get started: the buttons of the card for a new installation.

use leptos::prelude::*;
use model::JobId;

use super::ApiResult;
use crate::base_path::url;

/// The task that shows what a job is.
pub(crate) const DEMO: &str = "demo";
/// The task that copies the database.
pub(crate) const BACKUP: &str = "backup";

/// Starts the demo with its default input, and redirects to its job. While the user's last one runs, returns that: a second
/// click starts nothing.
#[server(endpoint = "start_demo")]
pub async fn start_demo() -> ApiResult<JobId> {
    let options = engine::StartOptions { unique_key: Some("get-started".to_owned()), ..Default::default() };
    let job = crate::context::app().engine.start(DEMO, serde_json::json!({}), options).await?;
    leptos_axum::redirect(&url(&format!("/jobs/{job}")));
    Ok(job)
}

/// Schedules a backup of the database every night, and returns the number of the schedule. If there is a schedule of
/// backups, returns that of the oldest.
#[server(endpoint = "schedule_backup")]
pub async fn schedule_backup() -> ApiResult<i64> {
    use engine::{
        schedules::NewSchedule,
        store::{Missed, Overlap},
    };

    let app = crate::context::app();
    let nightly = NewSchedule {
        name: "Nightly backup".to_owned(),
        kind: BACKUP.to_owned(),
        input: serde_json::json!({}),
        priority: model::Priority::default(),
        expression: "0 2 * * *".to_owned(),
        zone: app.zone_name(),
        overlap: Overlap::Skip,
        // A server that is off at night backs up when it starts.
        missed: Missed::Once,
    };
    Ok(app.engine.add_only_schedule(nightly).await?.0)
}

/// Hides the card, for all users.
#[server(endpoint = "hide_get_started")]
pub async fn hide_get_started() -> ApiResult<()> {
    Ok(crate::context::app().engine.hide_first_steps().await?)
}
