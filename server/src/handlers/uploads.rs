//! Uploads: written from the socket to the disk, never in memory as a whole.

use std::time::Duration;

use app::{forms::Uploaded, server_fns::ApiError};
use axum::{
    Extension, Json,
    body::BodyDataStream,
    extract::{
        DefaultBodyLimit, FromRequest, Multipart, Request, State,
        multipart::{Field, MultipartError},
    },
    response::{IntoResponse, Response},
};
use engine::{AuthorizedEngine, Upload, UploadWriter, access::Action};
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, header};
use percent_encoding::percent_decode_str;

use crate::{AppState, http::response::error_response, identity::RequestIdentity};

/// The file name, percent-encoded, for clients that do not put it into the address.
const FILE_NAME: HeaderName = HeaderName::from_static("x-file-name");

/// Bytes that are read and dropped after an error, so that a client that sends everything first can read the response.
const DRAIN_LIMIT: u64 = 256 * 1024 * 1024;

/// A client that sends nothing for this long has read the response.
const DRAIN_IDLE: Duration = Duration::from_secs(2);

/// `POST /uploads`: the file as the body, its name in `?name=`; or a multipart form with one file.
pub(crate) async fn upload(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    request: Request,
) -> Response {
    let engine = &identity.engine;
    let stored = if is_multipart(request.headers()) {
        store_form_upload(engine, request).await
    } else {
        store_raw_upload(engine, request).await
    };
    // An upload that is rejected here is deleted later, because no job refers to it.
    let stored = match stored {
        Ok(upload) => identity.reauthorise(&state, Action::Upload).await.map(|_| upload).map_err(ApiError::from),
        failed => failed,
    };
    match stored {
        Ok(upload) => Json(Uploaded::from(upload)).into_response(),
        Err(error) => error_response(&error),
    }
}

/// Whether the body is a multipart form.
pub(crate) fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.get(..19).is_some_and(|start| start.eq_ignore_ascii_case("multipart/form-data"))
}

/// The parts of a multipart form, without a limit on its size: files have a limit of their own.
pub(crate) async fn parts(mut request: Request) -> Result<Multipart, ApiError> {
    DefaultBodyLimit::disable().apply(&mut request);
    Multipart::from_request(request, &()).await.map_err(|error| ApiError::new("malformed", error.body_text()))
}

/// The body is incomplete or not a multipart form.
pub(crate) fn malformed_form(error: MultipartError) -> ApiError {
    ApiError::new("malformed", format!("The form did not arrive whole: {}", error.body_text()))
}

/// Stores the file of one part. If it cannot be stored, its rest is read nevertheless, because other parts follow.
pub(crate) async fn store_part(
    engine: &AuthorizedEngine,
    part: &mut Field<'_>,
) -> Result<Result<Upload, ApiError>, ApiError> {
    let name = part.file_name().unwrap_or_default().to_owned();
    let mut writer = begin(engine, &name, None).await;
    while let Some(bytes) = part.chunk().await.map_err(malformed_form)? {
        writer = match writer {
            Ok(writer) => append(writer, &bytes).await,
            failed => failed,
        };
    }
    Ok(match writer {
        Ok(writer) => writer.finish().await.map_err(ApiError::from),
        Err(error) => Err(error.into()),
    })
}

async fn begin(engine: &AuthorizedEngine, name: &str, size: Option<u64>) -> engine::Result<UploadWriter> {
    engine.uploads()?.begin(name, size, engine.attribution()).await
}

async fn append(mut writer: UploadWriter, bytes: &[u8]) -> engine::Result<UploadWriter> {
    writer.write(bytes).await.map(|()| writer)
}

async fn store_form_upload(engine: &AuthorizedEngine, request: Request) -> Result<Upload, ApiError> {
    let mut parts = parts(request).await?;
    while let Some(mut part) = parts.next_field().await.map_err(malformed_form)? {
        if part.file_name().is_some() {
            return store_part(engine, &mut part).await?;
        }
    }
    Err(ApiError::new("malformed", "The form holds no file"))
}

async fn store_raw_upload(engine: &AuthorizedEngine, request: Request) -> Result<Upload, ApiError> {
    let name = file_name(&request)?;
    let size = request.headers().get(header::CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse().ok());
    let mut body = request.into_body().into_data_stream();
    let stored = store(engine, &name, size, &mut body).await;
    if stored.is_err() {
        tokio::spawn(drain(body));
    }
    stored
}

async fn store(
    engine: &AuthorizedEngine,
    name: &str,
    size: Option<u64>,
    body: &mut BodyDataStream,
) -> Result<Upload, ApiError> {
    let mut writer = begin(engine, name, size).await?;
    // Dropping the writer on the way out removes what was written.
    while let Some(bytes) = body.try_next().await.map_err(|_| ApiError::new("malformed", "The upload broke off"))? {
        writer.write(&bytes).await?;
    }
    Ok(writer.finish().await?)
}

/// From `?name=`, else from the header, else "upload".
fn file_name(request: &Request) -> Result<String, ApiError> {
    let query = request.uri().query().unwrap_or_default();
    let from_query = query.split('&').find_map(|pair| pair.strip_prefix("name=")).map(|name| name.replace('+', " "));
    let from_header = || Some(request.headers().get(FILE_NAME)?.to_str().ok()?.to_owned());
    let encoded = from_query.or_else(from_header).unwrap_or_else(|| "upload".to_owned());
    let name = percent_decode_str(&encoded).decode_utf8().map(std::borrow::Cow::into_owned);
    name.map_err(|_| ApiError::in_field("malformed", "name", "The file's name is not UTF-8"))
}

/// Reads and drops the rest of a body: many clients read the response only after they have sent everything.
async fn drain(mut body: BodyDataStream) {
    let mut rest = DRAIN_LIMIT;
    while let Ok(Some(Ok(bytes))) = tokio::time::timeout(DRAIN_IDLE, body.next()).await {
        rest = rest.saturating_sub(bytes.len() as u64);
        if rest == 0 {
            break;
        }
    }
}
