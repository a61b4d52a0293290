//! Downloads: artifacts, input, result and log of a job.

mod image;
mod range;
mod zip_file;

use std::{fmt::Write as _, path::Path as FilePath, sync::Arc};

use app::server_fns::ApiError;
use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::{AuthorizedJob, access::Action, store::JobText};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use model::{JobId, LogLine, Micros};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use crate::{AppState, http::chunk_pool::ChunkPool, identity::RequestIdentity};

/// `GET /jobs/{id}/artifacts/{name}`: the file, or the range that a resumed download needs.
pub(crate) async fn artifact(
    Extension(identity): Extension<RequestIdentity>,
    path: Result<Path<(JobId, String)>, PathRejection>,
    mut request: Request,
) -> Response {
    let Ok(Path((job, name))) = path else { return no_such_job() };
    let found = match identity.engine.open(job, Action::Download).await {
        Ok(job) => job.artifact(&name).await,
        Err(error) => Err(error),
    };
    let (artifact, path) = match found {
        Ok(found) => found,
        Err(error) => return error_text(error),
    };
    let image = request.uri().query() == Some(AS_IMAGE);
    let picture = if image { image::raster_type(&path, artifact.size).await } else { None };
    if image && picture.is_none() {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "This file is not an image that can be shown\n").into_response();
    }
    let method = request.method().clone();
    range::normalise(&method, request.headers_mut(), artifact.size);
    if !range_matches_file(&path, request.headers()).await {
        request.headers_mut().remove(header::RANGE);
    }
    let mut response = serve_file(&path, request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_DISPOSITION, attachment(&artifact.name));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Some(picture) = picture {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(picture));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(IMAGE_POLICY));
    }
    response
}

/// The query of the address in an `<img>`.
const AS_IMAGE: &str = "as=image";

/// The policy of an image: it runs nothing, wherever it is opened.
const IMAGE_POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// `GET /jobs/{id}/artifacts`: all files as one zip file.
pub(crate) async fn artifacts(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    path: Result<Path<JobId>, PathRejection>,
) -> Response {
    let Ok(Path(job)) = path else { return no_such_job() };
    let opened = async {
        let open = identity.engine.open(job, Action::Download).await?;
        let artifacts = open.artifacts().await?;
        Ok((open, artifacts))
    };
    let (open, artifacts) = match opened.await {
        Ok((_, artifacts)) if artifacts.is_empty() => {
            return (StatusCode::NOT_FOUND, "This job has no files\n").into_response();
        }
        Ok(opened) => opened,
        Err(error) => return error_text(error),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_DISPOSITION, attachment(&format!("job-{job}-files.zip"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(zip_file::zip_file(state.chunk_pool, open, artifacts))).into_response()
}

/// Whether `If-Range` names the present version of the file: a retried job may have replaced it (RFC 9110, 13.1.5).
async fn range_matches_file(path: &FilePath, headers: &HeaderMap) -> bool {
    let Some(held) = headers.get(header::IF_RANGE) else { return true };
    let mut probe = Request::new(Body::empty());
    *probe.method_mut() = Method::HEAD;
    let now = serve_file(path, probe).await;
    [header::ETAG, header::LAST_MODIFIED].iter().any(|name| now.headers().get(name) == Some(held))
}

async fn serve_file(path: &FilePath, request: Request) -> Response {
    let file = ServeFile::new_with_mime(path, &mime_guess::mime::APPLICATION_OCTET_STREAM);
    match file.oneshot(request).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    }
}

/// `GET /jobs/{id}/input`, as JSON.
pub(crate) async fn input(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    path: Result<Path<JobId>, PathRejection>,
) -> Response {
    text_file(state.chunk_pool, &identity, path, JobText::Input, "input").await
}

/// `GET /jobs/{id}/result`, as JSON.
pub(crate) async fn result(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    path: Result<Path<JobId>, PathRejection>,
) -> Response {
    text_file(state.chunk_pool, &identity, path, JobText::Result, "result").await
}

async fn text_file(
    chunk_pool: ChunkPool,
    identity: &RequestIdentity,
    path: Result<Path<JobId>, PathRejection>,
    text: JobText,
    name: &str,
) -> Response {
    let Ok(Path(job)) = path else { return no_such_job() };
    let opened = async {
        let open = Arc::new(identity.engine.open(job, Action::Download).await?);
        let first = open.text(text, 0).await?;
        Ok((open, first))
    };
    let (open, first) = match opened.await {
        Ok((_, first)) if first.is_empty() => {
            return (StatusCode::NOT_FOUND, format!("This job has no {name}\n")).into_response();
        }
        Ok(opened) => opened,
        Err(error) => return error_text(error),
    };
    let rest = stream::try_unfold(first.len() as u64, move |from| {
        let (chunk_pool, open) = (chunk_pool.clone(), Arc::clone(&open));
        async move {
            let part = chunk_pool.run(async move { open.text(text, from).await }).await?;
            let end = from + part.len() as u64;
            Ok((end > from).then(|| (Bytes::from(part), end)))
        }
    })
    .inspect_err(move |error: &engine::Error| tracing::error!(%job, %error, "the download of a text broke off"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CONTENT_DISPOSITION, attachment(&format!("job-{job}-{name}.json"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(stream::iter([Ok(Bytes::from(first))]).chain(rest))).into_response()
}

/// `GET /jobs/{id}/log`: every line, oldest first, `time level text`.
pub(crate) async fn log(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    path: Result<Path<JobId>, PathRejection>,
) -> Response {
    let Ok(Path(job)) = path else { return no_such_job() };
    let open = match identity.engine.open(job, Action::Download).await {
        Ok(open) => open,
        Err(error) => return error_text(error),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::CONTENT_DISPOSITION, attachment(&format!("job-{job}.log"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, Body::from_stream(log_text(state.chunk_pool, open))).into_response()
}

/// The log in chunks, so that a long one is never in memory as a whole.
fn log_text(chunk_pool: ChunkPool, open: AuthorizedJob) -> impl Stream<Item = engine::Result<Bytes>> {
    let (job, open) = (open.view.job, Arc::new(open));
    stream::try_unfold(1, move |from| {
        let (chunk_pool, open) = (chunk_pool.clone(), Arc::clone(&open));
        async move {
            let piece = async move {
                let lines = open.log_from(from).await?;
                Ok(lines.last().map(|(last, _)| (as_text(&lines), last + 1)))
            };
            chunk_pool.run(piece).await
        }
    })
    .inspect_err(move |error: &engine::Error| tracing::error!(%job, %error, "the log download broke off"))
}

fn as_text(lines: &[(u64, LogLine)]) -> Bytes {
    let mut text = String::new();
    for (_, line) in lines {
        let _ = writeln!(text, "{} {:<5} {}", rfc3339(line.at), line.level.as_str(), line.text);
    }
    text.into()
}

/// UTC, to the microsecond.
pub(crate) fn rfc3339(at: Micros) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000)
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// The id in the path is not a number.
fn no_such_job() -> Response {
    (StatusCode::NOT_FOUND, "There is no such job\n").into_response()
}

fn error_text(error: engine::Error) -> Response {
    let error = ApiError::from(error);
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, format!("{error}\n")).into_response()
}

/// `Content-Disposition: attachment`: a file of a task must not run as a page of this origin. The name in both forms of
/// RFC 6266: plain for old clients, RFC 5987 for all other characters.
pub(crate) fn attachment(name: &str) -> HeaderValue {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' })
        .collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .expect("only printable ASCII is left")
}
