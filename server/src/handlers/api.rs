//! Server functions, `POST /api/{function}`.
//!
//! Leptos answers every error with 500 and redirects browsers without script to an address that contains the error.
//! Here an error gets its own status, and such browsers see it as a flash message on the page with the form.

use app::{
    base_path::url,
    context::AppContext,
    server_fns::ApiError,
    session::flash::{self, Flash, WithoutScript},
};
use axum::{
    Extension,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, OriginalUri, Request, State},
    response::{IntoResponse, Response},
};
use engine::access::{Actor, Denied};
use http::{Extensions, HeaderMap, HeaderValue, Method, header, uri::PathAndQuery};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use leptos::server_fn::error::{FromServerFnError, SERVER_FN_ERROR_HEADER};
use model::Tone;
use percent_encoding::percent_decode;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{
    AppState,
    handlers::{pages, sign_in::return_path},
    http::response::{error_response, see_other, wants_html},
    identity::RequestIdentity,
};

/// The largest body: 16 MiB of input, each byte percent-encoded as three, and the names around it.
const BODY_LIMIT: usize = 3 * app::server_fns::INPUT_LIMIT + 64 * 1024;

/// The arguments that are numbers in every function: ids of jobs, schedules, tokens and users, and times.
const NUMERIC_ARGUMENTS: [&str; 5] = ["id", "rerun_of", "revision", "until", "user"];

/// `POST /api/{function}`.
pub(crate) async fn call(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    mut request: Request,
) -> Response {
    let redirect = FormRedirect::from_request(&request);
    if let Some(session) = redirect.as_ref().and_then(|redirect| redirect.session.clone()) {
        request.extensions_mut().insert(WithoutScript(session));
    }
    let answer = match buffer_body(request).await {
        Ok((request, arguments)) => call_server_function(identity.context(&state), request, &arguments).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) => match redirect {
            Some(redirect) => redirect.success(&answer),
            None => answer,
        },
        Err(error) => match redirect {
            Some(redirect) => redirect.failure(error).await,
            None => error_response(&error),
        },
    }
}

/// A function without a row in the route table.
pub(crate) async fn unknown_function(request: Request) -> Response {
    error_response(&ApiError::new("unknown_function", format!("There is no {}", request.uri().path())))
}

/// The response to a request that is not allowed: a page or a redirect for browsers, a status for clients.
pub(crate) async fn reject(state: AppState, request: Request, error: engine::Error) -> Response {
    let signed_out = matches!(error, engine::Error::Denied(Denied::SignIn));
    match (wants_html(&request), signed_out) {
        (false, _) => error_response(&error.into()),
        (true, true) => redirect_to_sign_in(&request),
        (true, false) => forbidden(state, request, error).await,
    }
}

/// Redirects to the sign-in page, which leads back to the requested page.
fn redirect_to_sign_in(request: &Request) -> Response {
    let page = match *request.method() {
        // Below a base path the router sees only the rest of the path.
        Method::GET | Method::HEAD => {
            let uri = request.extensions().get().map_or(request.uri(), |OriginalUri(uri)| uri);
            uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned()
        }
        _ => referring_page(request.headers()).to_str().unwrap_or("/").to_owned(),
    };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &page).finish();
    see_other(HeaderValue::try_from(format!("{}?{query}", url("/sign-in"))).expect("an encoded query is ASCII"))
}

/// A page with the reason; for a form, a redirect to its page.
async fn forbidden(state: AppState, request: Request, error: engine::Error) -> Response {
    if let (&Method::POST, Some(redirect)) = (request.method(), FormRedirect::from_request(&request)) {
        return redirect.failure(error.into()).await;
    }
    pages::forbidden(state, request, ApiError::from(error)).await
}

/// Calls the server function of the path.
pub(crate) async fn call_server_function(
    app: AppContext,
    request: Request,
    arguments: &[u8],
) -> Result<Response, ApiError> {
    let answer = leptos_axum::handle_server_fns_with_context(move || app.clone().provide(), request);
    let answer = answer.await.into_response();
    if answer.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return Err(name_faulty_argument(read_error(answer).await, arguments));
    }
    Ok(answer)
}

/// Reads the whole body, so that a fault in it gets its own error. Removes `Accept`, which would make the server
/// function redirect by itself.
pub(crate) async fn buffer_body(request: Request) -> Result<(Request, Bytes), ApiError> {
    let (mut parts, body) = request.into_parts();
    let body = read_form_body(body, BODY_LIMIT, "The request is too large: an input may hold 16 MiB of JSON").await?;
    parts.headers.remove(header::ACCEPT);
    let mut request = Request::from_parts(parts, Body::from(body.clone()));
    DefaultBodyLimit::disable().apply(&mut request);
    Ok((request, body))
}

/// Reads a form-encoded body of at most `limit` bytes.
pub(crate) async fn read_form_body(body: Body, limit: usize, too_large: &str) -> Result<Bytes, ApiError> {
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::new("too_large", too_large)
        } else {
            ApiError::new("malformed", "The request broke off")
        }
    })?;
    let body = body.to_bytes();
    // Decoding can repair a broken character, but the text is also read before it is decoded.
    if str::from_utf8(&body).is_err() || percent_decode(&body).decode_utf8().is_err() {
        return Err(ApiError::new("malformed", "The arguments are not UTF-8; send them form-encoded"));
    }
    Ok(body)
}

/// The error in the response of a server function.
async fn read_error(answer: Response) -> ApiError {
    match answer.into_body().collect().await {
        Ok(body) => ApiError::de(body.to_bytes()),
        Err(_) => ApiError::new("internal", "The server could not say what went wrong"),
    }
}

/// Names the argument that is not a number: the message of serde does not.
fn name_faulty_argument(error: ApiError, arguments: &[u8]) -> ApiError {
    if error.code != "malformed" || error.field.is_some() {
        return error;
    }
    let mut numbers = form_urlencoded::parse(arguments).filter(|(name, _)| NUMERIC_ARGUMENTS.contains(&name.as_ref()));
    match numbers.find(|(_, text)| text.parse::<i64>().is_err()) {
        Some((name, text)) => ApiError::in_field("malformed", &*name, format!("{name} must be a number, not {text}")),
        None => error,
    }
}

/// Redirect to the page with the form, for a browser without script.
pub(crate) struct FormRedirect {
    to: HeaderValue,
    session: Option<Session>,
}

impl FormRedirect {
    /// To the given page.
    pub(crate) fn to_page(page: &str, extensions: &Extensions) -> Self {
        let to = HeaderValue::try_from(url(page)).expect("the addresses of pages are ASCII");
        Self { to, session: session_for_flash(extensions) }
    }

    /// To the referring page, if the client accepts HTML.
    fn from_request(request: &Request) -> Option<Self> {
        let headers = request.headers();
        let page = headers.get(header::ACCEPT)?.to_str().ok()?.contains("text/html");
        page.then(|| Self { to: referring_page(headers), session: session_for_flash(request.extensions()) })
    }

    /// To the location of the response, or else to the page, with the cookies of the response.
    pub(crate) fn success(self, answer: &Response) -> Response {
        let mut redirect = see_other(answer.headers().get(header::LOCATION).cloned().unwrap_or(self.to));
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            redirect.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        redirect
    }

    /// To the page.
    pub(crate) fn done(self) -> Response {
        see_other(self.to)
    }

    /// To the page, with the error as a flash message.
    pub(crate) async fn failure(self, error: ApiError) -> Response {
        let flash = Flash::new(Tone::Danger, error.message.clone());
        if self.set_flash(flash).await { see_other(self.to) } else { error_response(&error) }
    }

    /// Sets the flash message of the next page. Returns whether there is a session for it.
    pub(crate) async fn set_flash(&self, flash: Flash) -> bool {
        match &self.session {
            Some(session) => flash::set(session, flash).await,
            None => false,
        }
    }
}

/// The session for a flash message. Signed-out users have none, since they could fill the database; clients neither,
/// since they bring no session and would get a new one each time.
fn session_for_flash(extensions: &Extensions) -> Option<Session> {
    match extensions.get::<RequestIdentity>()?.engine.actor() {
        Actor::Anonymous | Actor::Client(..) => None,
        Actor::Local | Actor::User(_) => extensions.get().cloned(),
    }
}

/// Path and query of the referring page, on this server whatever the header contains. Without the question that the
/// form answers.
fn referring_page(headers: &HeaderMap) -> HeaderValue {
    let referrer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let uri = referrer.and_then(|text| text.parse::<http::Uri>().ok());
    let page = uri.as_ref().and_then(http::Uri::path_and_query).map(PathAndQuery::as_str);
    let home = url("/");
    let page = page.filter(|page| return_path::is_below(&home, page)).unwrap_or(&home);
    let page = match page.split_once('?') {
        Some((path, query)) => {
            let kept: Vec<_> = query.split('&').filter(|pair| !pair.starts_with("confirm=")).collect();
            if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) }
        }
        None => page.to_owned(),
    };
    HeaderValue::try_from(page).expect("a header that was read as text, and the configuration, are ASCII")
}
