//! `POST /new/{kind}`: starting a job from a browser without script.
//!
//! The form brings its files along. They are stored first; then the job is started from the form as the page's
//! script would. What is refused comes back as the page, with everything typed and sent kept.

use app::{
    base_path::url,
    forms::Draft,
    server_fns::{ApiError, INPUT_LIMIT},
};
use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Redirect, Response},
};
use engine::{AuthorizedEngine, TaskInfo, access::Action, store::ScheduleId};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use leptos::prelude::provide_context;
use model::{FieldError, FieldKind};
use percent_encoding::percent_decode;

use crate::{
    AppState,
    handlers::{pages, schedules, uploads},
    middleware::auth::{self, Visit},
};

/// At most so many parts in a form; no task has so many fields.
const MOST_PARTS: usize = 1_000;

/// The name under which a form asks for the folders of a field. No field of an input can be called so.
const BROWSE: &str = "$browse";

/// Starts the job, or shows the form again.
pub(crate) async fn start(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    Path(kind): Path<String>,
    request: Request,
) -> Response {
    // Before its files are taken in.
    let startable = visit.engine.startable().find(|task| task.kind.as_str() == kind).cloned();
    let Some(task) = startable else { return page(state, request).await };
    answer(state, visit, request, task, Purpose::Start).await
}

/// What the form of a task is sent for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// To start a job.
    Start,
    /// To plan jobs.
    Plan,
    /// To change a plan.
    Change(ScheduleId),
}

impl Purpose {
    const fn action(self) -> Action {
        match self {
            Self::Start => Action::Start,
            Self::Plan | Self::Change(_) => Action::Schedule,
        }
    }

    /// Does it; answers where to go, or nothing where the form was sent to be looked at.
    async fn achieve(
        self,
        engine: &AuthorizedEngine,
        draft: &mut Draft,
        task: &TaskInfo,
    ) -> Result<Option<String>, engine::Error> {
        match self {
            Self::Start => draft.start(engine, task.kind.as_str()).await.map(|job| Some(format!("/jobs/{job}"))),
            Self::Plan => schedules::plan(engine, draft, task, None).await,
            Self::Change(schedule) => schedules::plan(engine, draft, task, Some(schedule)).await,
        }
    }
}

/// Reads the form of a task and does what it is sent for; shows it again where that is refused.
pub(crate) async fn answer(
    state: AppState,
    visit: Visit,
    request: Request,
    task: TaskInfo,
    purpose: Purpose,
) -> Response {
    let (parts, body) = request.into_parts();
    let page = Request::from_parts(parts.clone(), Body::empty());
    let engine = visit.engine.clone();
    let mut sent = Sent { engine: &engine, task: &task, draft: Draft::default(), text: 0, parts: 0, browse: None };
    let read = sent.read(Request::from_parts(parts, body)).await;
    let (mut draft, browse) = (sent.draft, sent.browse);
    let engine = match visit.again(&state, purpose.action()).await {
        Ok(visit) => visit.engine,
        Err(error) => return auth::turn_away(state, page, error).await,
    };
    let status = match read {
        Err(error) => refuse(&mut draft, error),
        Ok(()) if !draft.faults.is_empty() => StatusCode::UNPROCESSABLE_ENTITY,
        Ok(()) => match browse {
            Some(browse) => look_around(&engine, &mut draft, &browse),
            None => match purpose.achieve(&engine, &mut draft, &task).await {
                Ok(Some(place)) => return Redirect::to(&url(&place)).into_response(),
                Ok(None) => StatusCode::OK,
                Err(error) => refuse(&mut draft, error.into()),
            },
        },
    };
    draft.find_files(&engine, &task.form).await;
    show(state, page, Some((draft, status))).await
}

/// The page as it is for whoever may not send its form: it says why.
pub(crate) async fn page(state: AppState, request: Request) -> Response {
    show(state, Request::from_parts(request.into_parts().0, Body::empty()), None).await
}

/// Notes in the draft why nothing was started; answers the page's status.
fn refuse(draft: &mut Draft, error: ApiError) -> StatusCode {
    let status = StatusCode::from_u16(error.status()).expect("ApiError::status answers valid statuses");
    if error.fields.is_empty() {
        draft.refusal = Some(error.message);
    }
    draft.faults.extend(error.fields);
    status
}

/// The page, as if it had been asked for with what `draft` holds.
async fn show(state: AppState, mut request: Request, draft: Option<(Draft, StatusCode)>) -> Response {
    *request.method_mut() = Method::GET;
    let (draft, status) = draft.unzip();
    let provide = move || {
        if let Some(draft) = draft.clone() {
            provide_context(draft);
        }
    };
    let mut response = pages::render(state, request, provide).await;
    if let Some(status) = status {
        *response.status_mut() = status;
    }
    response
}

/// Opens the folder list of a field. `browse` is the field's name, and after `=` the folder to go into; without one
/// it is the folder that stands in the field.
fn look_around(engine: &AuthorizedEngine, draft: &mut Draft, browse: &str) -> StatusCode {
    let (field, path) = match browse.split_once('=') {
        Some((field, path)) => (field, path.to_owned()),
        None => (browse, draft.entries.get(browse).cloned().unwrap_or_default()),
    };
    let path = Some(path.trim()).filter(|path| !path.is_empty());
    let found = engine.folders(path).or_else(|error| {
        draft.faults.push(FieldError { field: field.to_owned(), message: ApiError::from(error).message });
        engine.folders(None)
    });
    match found {
        Ok(listing) => {
            if let Some(path) = &listing.path {
                draft.entries.insert(field.to_owned(), path.clone());
            }
            draft.browsing = Some((field.to_owned(), listing));
            StatusCode::OK
        }
        Err(error) => refuse(draft, error.into()),
    }
}

/// What has been read of a form.
struct Sent<'a> {
    engine: &'a AuthorizedEngine,
    task: &'a TaskInfo,
    draft: Draft,
    /// Bytes of text so far.
    text: usize,
    parts: usize,
    browse: Option<String>,
}

impl Sent<'_> {
    async fn read(&mut self, request: Request) -> Result<(), ApiError> {
        if uploads::is_multipart(request.headers()) {
            self.read_multipart(request).await
        } else {
            self.read_urlencoded(request).await
        }
    }

    async fn read_urlencoded(&mut self, request: Request) -> Result<(), ApiError> {
        let body = Limited::new(request.into_body(), 3 * INPUT_LIMIT).collect().await.map_err(|_| too_much_text())?;
        let body = body.to_bytes();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut sides = pair.splitn(2, |byte| *byte == b'=').map(decode);
            let (name, text) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
            self.take_text(&String::from_utf8_lossy(&name), text)?;
        }
        Ok(())
    }

    async fn read_multipart(&mut self, request: Request) -> Result<(), ApiError> {
        let mut parts = uploads::parts(request).await?;
        while let Some(mut part) = parts.next_field().await.map_err(uploads::broken_off)? {
            let name = part.name().unwrap_or_default().to_owned();
            let chosen = part.file_name().map(str::to_owned);
            if chosen.as_ref().is_some_and(|file| !file.is_empty()) && self.is_upload(&name) {
                match uploads::from_part(self.engine, &mut part).await? {
                    Ok(upload) => drop(self.draft.entries.insert(name, upload.id)),
                    Err(error) => self.draft.faults.push(FieldError { field: name, message: error.message }),
                }
                continue;
            }
            let mut text = Vec::new();
            while let Some(bytes) = part.chunk().await.map_err(uploads::broken_off)? {
                if self.text + text.len() + bytes.len() > INPUT_LIMIT {
                    return Err(too_much_text());
                }
                text.extend_from_slice(&bytes);
            }
            // A file input that nobody used sends an empty part, which must not hide the file that is here already.
            if chosen.is_none() {
                self.take_text(&name, text)?;
            }
        }
        Ok(())
    }

    fn is_upload(&self, name: &str) -> bool {
        self.task.form.fields.iter().any(|field| field.name == name && matches!(field.kind, FieldKind::Upload))
    }

    /// Of several values of one name the last counts: a ticked box comes after the "false" for an empty one.
    fn take_text(&mut self, name: &str, text: Vec<u8>) -> Result<(), ApiError> {
        self.text += text.len();
        self.parts += 1;
        if self.text > INPUT_LIMIT || self.parts > MOST_PARTS {
            return Err(too_much_text());
        }
        let text = String::from_utf8(text).unwrap_or_else(|error| {
            let message = "This is not UTF-8 text. Save it as UTF-8 and try again.".to_owned();
            self.draft.faults.push(FieldError { field: name.to_owned(), message });
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        if name == BROWSE {
            self.browse = Some(text);
        } else {
            self.draft.enter(name.to_owned(), text);
        }
        Ok(())
    }
}

/// One side of `name=text`, as a form encodes it.
fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

fn too_much_text() -> ApiError {
    ApiError::new("too_large", "The form holds too much text: 16 MiB at most")
}
