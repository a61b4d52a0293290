//! Reports of jobs that run elsewhere, `/api/v1/report/{kind}/{run}`.
//!
//! A *signal* is one entry, as curl sends it: durable when it is acknowledged, in one line of text. A *batch* is JSON
//! with numbered entries. Errors are problem details (RFC 9457).

mod signal;

use std::time::Duration;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{Path, Query, Request, State},
    response::{IntoResponse, Response},
};
use engine::{access::Action, reports::ReportError};
use http::{HeaderMap, HeaderName, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use wire::{Batch, Status, is_kind, is_run, limits};

use self::signal::Signal;
use crate::{
    AppState,
    http::problem::{self, Rejection},
    identity::RequestIdentity,
};

/// The number of the job, in the response to a signal.
const JOB: HeaderName = HeaderName::from_static("milepost-job");

#[derive(Deserialize)]
pub(crate) struct PartOfLog {
    /// The part of the log that a signal is, from 1.
    part: Option<u64>,
}

#[derive(Deserialize)]
pub(crate) struct Wait {
    /// Seconds to wait for a change.
    #[serde(default)]
    wait: u64,
    /// The control that the reporter knows.
    #[serde(default)]
    since: String,
}

/// `POST /api/v1/report/{kind}/{run}`: a batch of a run, or a signal without a run id.
pub(crate) async fn batch_or_signal(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    Path((kind, last)): Path<(String, String)>,
    Query(PartOfLog { part }): Query<PartOfLog>,
    request: Request,
) -> Result<Response, Rejection> {
    if let Some(signal) = Signal::from_word(&last) {
        return take_signal(state, identity, &kind, None, (signal, part), request).await;
    }
    check_names(&kind, Some(&last))?;
    let (identity, headers, body) = read(&state, identity, request).await?;
    if !is_json(&headers) {
        return Err(Rejection::unsupported("a batch is JSON: send content-type: application/json"));
    }
    let batch: Batch = serde_json::from_slice(&body).map_err(|error| Rejection::malformed(&error))?;
    let (status, _) = identity.engine.report(&kind, &last, batch).await?;
    Ok(Json(status).into_response())
}

/// `POST /api/v1/report/{kind}/{run}/{signal}`: a signal of a run.
pub(crate) async fn signal(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    Path((kind, run, word)): Path<(String, String, String)>,
    Query(PartOfLog { part }): Query<PartOfLog>,
    request: Request,
) -> Result<Response, Rejection> {
    let Some(signal) = Signal::from_word(&word) else { return Err(Rejection::no_such_signal(&word)) };
    take_signal(state, identity, &kind, Some(&run), (signal, part), request).await
}

/// `GET /api/v1/report/{kind}/{run}`: the state of a run.
pub(crate) async fn status(
    Extension(identity): Extension<RequestIdentity>,
    Path((kind, run)): Path<(String, String)>,
) -> Result<Json<Status>, Rejection> {
    check_names(&kind, Some(&run))?;
    Ok(Json(identity.engine.run_status(&kind, &run).await?))
}

/// `GET /api/v1/report/{kind}/{run}/control`: waits for a request to stop.
pub(crate) async fn control(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    Path((kind, run)): Path<(String, String)>,
    Query(Wait { wait, since }): Query<Wait>,
) -> Result<Response, Rejection> {
    check_names(&kind, Some(&run))?;
    let wait = Duration::from_secs(wait.min(limits::CONTROL_WAIT));
    let changed = identity.engine.wait_for_control(&kind, &run, &since, wait).await?;
    // The token may have been revoked while it waited.
    let identity = identity.reauthorise(&state, Action::Report).await?;
    identity.engine.authorise(Action::Report)?;
    Ok(match changed {
        Some(status) => Json(status).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

async fn take_signal(
    state: AppState,
    identity: RequestIdentity,
    kind: &str,
    run: Option<&str>,
    (signal, part): (Signal, Option<u64>),
    request: Request,
) -> Result<Response, Rejection> {
    check_names(kind, run)?;
    let (identity, headers, body) = read(&state, identity, request).await?;
    let entry = signal.entry(&headers, &body, identity.engine.now())?;
    let part = part.filter(|_| signal == Signal::Log);
    let (status, created) = identity.engine.signal(kind, run, entry, part).await?;
    let code = if created && signal == Signal::Start { StatusCode::CREATED } else { StatusCode::OK };
    let job = [(JOB, status.job.to_string())];
    if accepts_json(&headers) {
        return Ok((code, job, Json(status)).into_response());
    }
    let word = if status.cancel.is_some() { "cancel" } else { "ok" };
    Ok((code, job, format!("{word} {}\n", status.job)).into_response())
}

/// Reads the body, and authorises its sender again: a slow body may outlive a token.
async fn read(
    state: &AppState,
    identity: RequestIdentity,
    request: Request,
) -> Result<(RequestIdentity, HeaderMap, Bytes), Rejection> {
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Rejection::unsupported("send the body without content-encoding"));
    }
    let body = Limited::new(body, limits::BATCH_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() { Rejection::too_large(limits::BATCH_BYTES) } else { Rejection::incomplete() }
    })?;
    let identity = identity.reauthorise(state, Action::Report).await?;
    Ok((identity, parts.headers, body.to_bytes()))
}

fn check_names(kind: &str, run: Option<&str>) -> Result<(), Rejection> {
    if !is_kind(kind) {
        return Err(Rejection::invalid("/kind", "a kind has 1 to 40 characters of a-z, 0-9 and dashes"));
    }
    if run.is_some_and(|run| !is_run(run)) {
        return Err(Rejection::invalid("/run", "a run id has 1 to 64 characters of A-Z, a-z, 0-9, dots, _ and dashes"));
    }
    Ok(())
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = header_text(headers, header::CONTENT_TYPE);
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn accepts_json(headers: &HeaderMap) -> bool {
    header_text(headers, header::ACCEPT).contains("application/json")
}

impl From<ReportError> for Rejection {
    fn from(error: ReportError) -> Self {
        problem::of_report(error)
    }
}
