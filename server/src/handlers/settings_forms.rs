//! Server functions with a form on a settings page: the responses for browsers without script.
//!
//! All redirect to the page, so that reloading it sends nothing again. It shows errors of fields beside the fields, a
//! secret once, and everything else as a flash message.

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
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use model::Tone;
use url::form_urlencoded;

use crate::{
    AppState,
    handlers::api::{self, FormRedirect},
    http::response::{error_response, wants_html},
    identity::RequestIdentity,
};

/// The longest form that comes back with its errors, bytes: outcomes are kept in memory.
const MAX_KEPT: usize = 64 << 10;

/// `POST /api/{function}` of a form on `page`, whose `{id}` is the argument of that name.
pub(crate) async fn call(
    page: &'static str,
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    request: Request,
) -> Response {
    let browser = wants_html(&request);
    let (head, body) = request.into_parts();
    let function = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let (answer, arguments) = match api::buffer_body(Request::from_parts(head.clone(), body)).await {
        Ok((request, arguments)) => {
            (api::call_server_function(identity.context(&state), request, &arguments).await, arguments)
        }
        Err(error) => (Err(error), Bytes::new()),
    };
    let page = &*fill_id(page, &arguments);
    let extensions = &head.extensions;
    let outcome = match (browser, answer) {
        (false, Ok(answer)) => return no_store(answer),
        (false, Err(error)) => return error_response(&error),
        (true, Ok(answer)) => {
            let (outer, body) = answer.into_parts();
            match read_done(body).await {
                Ok(done) if done.secret.is_some() => Ok(done),
                Ok(done) => {
                    let redirect = FormRedirect::to_page(page, extensions);
                    redirect.set_flash(Flash::new(Tone::Success, done.message)).await;
                    return redirect.success(&Response::from_parts(outer, Body::empty()));
                }
                Err(error) => return FormRedirect::to_page(page, extensions).failure(error).await,
            }
        }
        (true, Err(error)) if error.fields.is_empty() || arguments.len() > MAX_KEPT => {
            return FormRedirect::to_page(page, extensions).failure(error).await;
        }
        (true, Err(error)) => Err(error),
    };
    let entries = form_urlencoded::parse(&arguments).into_owned().collect();
    let outcome = FormState { function, entries, outcome };
    let page = state.form_outcomes.keep(page, identity.engine.actor().clone(), outcome);
    FormRedirect::to_page(&page, extensions).done()
}

/// Reads the outcome from the response of the function.
async fn read_done(body: Body) -> Result<FormResult, ApiError> {
    let unclear = || ApiError::new("internal", "This was done, but the server could not say what came of it");
    let body = body.collect().await.map_err(|_| unclear())?;
    let body = body.to_bytes();
    let done = serde_json::from_slice(&body);
    done.or_else(|_| serde_json::from_slice(&body).map(Delivered::done)).map_err(|_| unclear())
}

/// The address of the page with the argument `id` filled in; 0 if it is not a number.
fn fill_id(page: &str, arguments: &[u8]) -> String {
    let id = form_urlencoded::parse(arguments).find(|(name, _)| name == "id");
    let id = id.and_then(|(_, text)| text.parse::<i64>().ok()).unwrap_or_default();
    page.replace("{id}", &id.to_string())
}

/// Forbids caches to keep the response.
fn no_store(answer: Response) -> Response {
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], answer).into_response()
}
