//! `POST /new/{kind}`: starts a job from the form of a browser without script.
//!
//! Files in the form are stored first; then the job is started as the script of the page would do. After an error the
//! page is shown again with everything that was entered and uploaded.

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
use model::{FieldError, FieldKind, Form};
use percent_encoding::percent_decode;

use crate::{
    AppState,
    handlers::{api, pages, schedules, uploads},
    identity::RequestIdentity,
};

/// Most parts in a form; no task has as many fields.
const MAX_PARTS: usize = 1_000;

/// The names of the buttons that open a folder of the path picker, and choose a path. No input field can have them.
const BROWSE: &str = "$browse";
const CHOOSE: &str = "$choose";

/// Starts the job or shows the form again.
pub(crate) async fn start(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    Path(kind): Path<String>,
    request: Request,
) -> Response {
    // Checked before its files are stored.
    let startable = identity.engine.startable().find(|task| task.kind.as_str() == kind).cloned();
    let Some(task) = startable else { return show_form(state, request).await };
    handle_form(state, identity, request, task, Purpose::Start).await
}

/// What the form of a task is for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Start,
    AddSchedule,
    ChangeSchedule(ScheduleId),
}

impl Purpose {
    const fn action(self) -> Action {
        match self {
            Self::Start => Action::Start,
            Self::AddSchedule | Self::ChangeSchedule(_) => Action::Schedule,
        }
    }

    /// Starts the job or saves the schedule. Returns the page to show next, or `None` for the form again.
    async fn submit(
        self,
        engine: &AuthorizedEngine,
        draft: &mut Draft,
        task: &TaskInfo,
    ) -> Result<Option<String>, engine::Error> {
        match self {
            Self::Start => draft.start(engine, task.kind.as_str()).await.map(|job| Some(format!("/jobs/{job}"))),
            Self::AddSchedule => schedules::save_schedule(engine, draft, task, None).await,
            Self::ChangeSchedule(schedule) => schedules::save_schedule(engine, draft, task, Some(schedule)).await,
        }
    }
}

/// Reads and submits the form of a task; shows it again after an error.
pub(crate) async fn handle_form(
    state: AppState,
    identity: RequestIdentity,
    request: Request,
    task: TaskInfo,
    purpose: Purpose,
) -> Response {
    let (parts, body) = request.into_parts();
    let page = Request::from_parts(parts.clone(), Body::empty());
    let engine = identity.engine.clone();
    let mut reader =
        FormReader { engine: &engine, task: &task, draft: Draft::default(), text: 0, parts: 0, picker: None };
    let read = reader.read(Request::from_parts(parts, body)).await;
    let (mut draft, picker) = (reader.draft, reader.picker);
    let engine = match identity.reauthorise(&state, purpose.action()).await {
        Ok(identity) => identity.engine,
        Err(error) => return api::reject(state, page, error).await,
    };
    let status = match read {
        Err(error) => record_error(&mut draft, error),
        Ok(()) => match picker {
            Some(Picker::Open(browse)) => browse_folders(&engine, &mut draft, &task.form, &browse),
            Some(Picker::Choose(choice)) => choose_path(&mut draft, &choice),
            None => match purpose.submit(&engine, &mut draft, &task).await {
                Ok(Some(place)) => return Redirect::to(&url(&place)).into_response(),
                Ok(None) if draft.faults.is_empty() => StatusCode::OK,
                Ok(None) => StatusCode::UNPROCESSABLE_ENTITY,
                Err(error) => record_error(&mut draft, error.into()),
            },
        },
    };
    draft.find_files(&engine, &task.form).await;
    render_form(state, page, Some((draft, status))).await
}

/// The page for a user who may not submit the form; it shows the reason.
pub(crate) async fn show_form(state: AppState, request: Request) -> Response {
    render_form(state, Request::from_parts(request.into_parts().0, Body::empty()), None).await
}

/// Adds the error to the draft. Returns the status of the page.
fn record_error(draft: &mut Draft, error: ApiError) -> StatusCode {
    let status = StatusCode::from_u16(error.status()).expect("ApiError::status answers valid statuses");
    if error.fields.is_empty() {
        draft.refusal = Some(error.message);
    }
    draft.add_faults(error.fields);
    status
}

/// Renders the page with the draft filled in.
async fn render_form(state: AppState, mut request: Request, draft: Option<(Draft, StatusCode)>) -> Response {
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

/// Opens the folder list of a field. `browse` is `FIELD=FOLDER`, or `FIELD` for the folder that is entered there.
fn browse_folders(engine: &AuthorizedEngine, draft: &mut Draft, form: &Form, browse: &str) -> StatusCode {
    let (field, path) = match browse.split_once('=') {
        Some((field, path)) => (field, path.to_owned()),
        None => (browse, draft.entries.get(browse).cloned().unwrap_or_default()),
    };
    let path = Some(path.trim()).filter(|path| !path.is_empty());
    let takes = form.fields.iter().find(|known| known.name == field).and_then(|known| match known.kind {
        FieldKind::Path { takes } => Some(takes),
        _ => None,
    });
    let takes = takes.unwrap_or_default();
    let found = engine.folders(path, takes).or_else(|error| {
        draft.add_faults([FieldError { field: field.to_owned(), message: ApiError::from(error).message }]);
        engine.folders(None, takes)
    });
    match found {
        Ok(listing) => {
            draft.browsing = Some((field.to_owned(), listing));
            StatusCode::OK
        }
        Err(error) => record_error(draft, error.into()),
    }
}

/// Fills a field with a chosen path. `choice` is `FIELD=PATH`.
fn choose_path(draft: &mut Draft, choice: &str) -> StatusCode {
    if let Some((field, path)) = choice.split_once('=') {
        draft.entries.insert(field.to_owned(), path.to_owned());
        draft.chosen = Some(field.to_owned());
    }
    StatusCode::OK
}

/// A button of the path picker, with its value.
enum Picker {
    Open(String),
    Choose(String),
}

/// Reads a form into a draft.
struct FormReader<'a> {
    engine: &'a AuthorizedEngine,
    task: &'a TaskInfo,
    draft: Draft,
    /// Bytes of text so far.
    text: usize,
    parts: usize,
    picker: Option<Picker>,
}

impl FormReader<'_> {
    async fn read(&mut self, request: Request) -> Result<(), ApiError> {
        if uploads::is_multipart(request.headers()) {
            self.read_multipart(request).await
        } else {
            self.read_urlencoded(request).await
        }
    }

    async fn read_urlencoded(&mut self, request: Request) -> Result<(), ApiError> {
        let body = Limited::new(request.into_body(), 3 * INPUT_LIMIT).collect().await.map_err(|_| text_too_large())?;
        let body = body.to_bytes();
        for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut sides = pair.splitn(2, |byte| *byte == b'=').map(decode);
            let (name, text) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
            self.add_text(&String::from_utf8_lossy(&name), text)?;
        }
        Ok(())
    }

    async fn read_multipart(&mut self, request: Request) -> Result<(), ApiError> {
        let mut parts = uploads::parts(request).await?;
        while let Some(mut part) = parts.next_field().await.map_err(uploads::malformed_form)? {
            let name = part.name().unwrap_or_default().to_owned();
            let chosen = part.file_name().map(str::to_owned);
            if chosen.as_ref().is_some_and(|file| !file.is_empty()) && self.is_upload(&name) {
                match uploads::store_part(self.engine, &mut part).await? {
                    Ok(upload) => drop(self.draft.entries.insert(name, upload.id)),
                    Err(error) => self.draft.faults.push(FieldError { field: name, message: error.message }),
                }
                continue;
            }
            let mut text = Vec::new();
            while let Some(bytes) = part.chunk().await.map_err(uploads::malformed_form)? {
                if self.text + text.len() + bytes.len() > INPUT_LIMIT {
                    return Err(text_too_large());
                }
                text.extend_from_slice(&bytes);
            }
            // An unused file input sends an empty part, which must not hide a file that was uploaded before.
            if chosen.is_none() {
                self.add_text(&name, text)?;
            }
        }
        Ok(())
    }

    fn is_upload(&self, name: &str) -> bool {
        self.task.form.fields.iter().any(|field| field.name == name && matches!(field.kind, FieldKind::Upload))
    }

    /// The last of several values of one name counts: a ticked box follows the "false" of an empty one.
    fn add_text(&mut self, name: &str, text: Vec<u8>) -> Result<(), ApiError> {
        self.text += text.len();
        self.parts += 1;
        if self.text > INPUT_LIMIT || self.parts > MAX_PARTS {
            return Err(text_too_large());
        }
        let text = String::from_utf8(text).unwrap_or_else(|error| {
            let message = "This is not UTF-8 text. Save it as UTF-8 and try again.".to_owned();
            self.draft.faults.push(FieldError { field: name.to_owned(), message });
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        match name {
            BROWSE => self.picker = Some(Picker::Open(text)),
            CHOOSE => self.picker = Some(Picker::Choose(text)),
            name => self.draft.enter(name.to_owned(), text),
        }
        Ok(())
    }
}

/// Decodes one side of `name=text`.
fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

fn text_too_large() -> ApiError {
    ApiError::new("too_large", "The form holds too much text: 16 MiB at most")
}
