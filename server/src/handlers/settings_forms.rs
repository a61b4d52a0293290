//! Server functions whose forms stand on a page of their own: what browsers without script are answered.
//!
//! A fault in a field is said beside the field, and what is shown only once is shown in the answer itself: both need the
//! page to be the answer. Everything else leads back to the page by its own address.

use app::{
    server_fns::{ApiError, Delivered, FormResult, FormState},
    session::Flash,
};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use http_body_util::BodyExt;
use leptos::prelude::provide_context;
use model::Tone;
use url::form_urlencoded;

use crate::{
    AppState,
    handlers::{
        api::{self, Back},
        pages,
    },
    middleware::auth::Visit,
};

/// `POST /api/{function}`, the form of which stands on the page at `page`, in which `{id}` is the argument of that name.
pub(crate) async fn call(
    page: &'static str,
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    request: Request,
) -> Response {
    let browser = api::wants_page(&request);
    let (head, body) = request.into_parts();
    let function = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let (answer, arguments) = match api::buffer(Request::from_parts(head.clone(), body)).await {
        Ok((request, arguments)) => (api::run(state.context(&visit), request, &arguments).await, arguments),
        Err(refusal) => (Err(refusal), Bytes::new()),
    };
    let page = &*filled(page, &arguments);
    let (head, done) = match (browser, answer) {
        (false, Ok(answer)) => return unkept(answer),
        (false, Err(refusal)) => return api::refuse(&refusal),
        (true, Ok(answer)) => {
            let (outer, body) = answer.into_parts();
            match read(body).await {
                Ok(done) if done.secret.is_some() => (head, Ok(done)),
                Ok(done) => {
                    let back = Back::to(page, &head.extensions);
                    back.leave(Flash { tone: Tone::Success, text: done.message }).await;
                    return back.after(&Response::from_parts(outer, Body::empty()));
                }
                Err(refusal) => return Back::to(page, &head.extensions).with(refusal).await,
            }
        }
        (true, Err(refusal)) if refusal.fields.is_empty() => {
            return Back::to(page, &head.extensions).with(refusal).await;
        }
        (true, Err(refusal)) => (head, Err(refusal)),
    };
    let entries = form_urlencoded::parse(&arguments).into_owned().collect();
    show(state, page, head, FormState { function, entries, outcome: done }).await
}

/// The page, with what became of the form.
async fn show(state: AppState, page: &str, mut head: Parts, sent: FormState) -> Response {
    let status = match &sent.outcome {
        Ok(_) => StatusCode::OK,
        Err(refusal) => StatusCode::from_u16(refusal.status()).expect("ApiError::status answers valid statuses"),
    };
    head.method = Method::GET;
    head.uri = page.parse().unwrap_or_else(|_| Uri::from_static("/"));
    let request = Request::from_parts(head, Body::empty());
    let mut response = pages::render(state, request, move || provide_context(sent.clone())).await;
    *response.status_mut() = status;
    response
}

/// What the function says it has done.
async fn read(body: Body) -> Result<FormResult, ApiError> {
    let unclear = || ApiError::new("internal", "This was done, but the server could not say what came of it");
    let body = body.collect().await.map_err(|_| unclear())?;
    let body = body.to_bytes();
    let done = serde_json::from_slice(&body);
    done.or_else(|_| serde_json::from_slice(&body).map(Delivered::done)).map_err(|_| unclear())
}

/// The page whose address holds the argument `id`, where that is a number; else none has such a form, and its own
/// address will do.
fn filled(page: &str, arguments: &[u8]) -> String {
    let id = form_urlencoded::parse(arguments).find(|(name, _)| name == "id");
    let id = id.and_then(|(_, text)| text.parse::<i64>().ok()).unwrap_or_default();
    page.replace("{id}", &id.to_string())
}

/// An answer that nobody on the way may keep.
fn unkept(answer: Response) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer).into_response()
}
