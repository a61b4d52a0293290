//! The door to the server functions, `/api/…`.
//!
//! A plain server function answers 500 to everything and sends browsers without script back with the error in the
//! address. Here a refusal gets the status that belongs to it, and such browsers find it on the page they came from.

use app::{
    base_path::url,
    context::AppContext,
    server_fns::ApiError,
    session::flash::{self, Flash},
};
use axum::{
    Extension, Json,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, OriginalUri, Request, State},
    response::{IntoResponse, Response},
};
use engine::access::Actor;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header, uri::PathAndQuery};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use leptos::server_fn::error::{FromServerFnError, SERVER_FN_ERROR_HEADER};
use model::Tone;
use percent_encoding::percent_decode;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{
    AppState,
    handlers::{pages, sign_in::next},
    http::router,
    middleware::auth::{self, Visit},
};

/// The largest body: 16 MiB of input, each byte percent-encoded as three, and the names around it.
const BODY_LIMIT: usize = 3 * app::server_fns::INPUT_LIMIT + 64 * 1024;

/// The arguments that are numbers, in whatever function: those that name a job, a schedule, a token or a person.
const NUMBERS: [&str; 4] = ["id", "rerun_of", "revision", "user"];

/// `POST /api/{function}`.
pub(crate) async fn call(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    request: Request,
) -> Response {
    let back = Back::of(&request);
    let answer = match buffer(request).await {
        Ok((request, arguments)) => run(state.context(&visit), request, &arguments).await,
        Err(refusal) => Err(refusal),
    };
    match answer {
        Ok(answer) => match back {
            Some(back) => back.after(&answer),
            None => answer,
        },
        Err(refusal) => match back {
            Some(back) => back.with(refusal).await,
            None => refuse(&refusal),
        },
    }
}

/// What has no row in the table.
pub(crate) async fn unknown(request: Request) -> Response {
    refuse(&ApiError::new("unknown_function", format!("There is no {}", request.uri().path())))
}

/// The error as status and JSON.
pub(crate) fn refuse(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status()).expect("ApiError::status answers valid statuses");
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Json(error)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Whether a browser sent this, and its person waits for a page.
pub(crate) fn wants_page(request: &Request) -> bool {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accepts.contains("text/html") && auth::bearer(request.headers()).is_none()
}

/// To the page where people sign in, which leads back to where they were going.
pub(crate) fn sign_in_first(request: &Request) -> Response {
    let page = match *request.method() {
        // Where everything lives below a path, the router sees what comes after it.
        Method::GET | Method::HEAD => {
            let uri = request.extensions().get().map_or(request.uri(), |OriginalUri(uri)| uri);
            uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned()
        }
        _ => referring_page(request.headers()).to_str().unwrap_or("/").to_owned(),
    };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &page).finish();
    see_other(HeaderValue::try_from(format!("{}?{query}", url("/sign-in"))).expect("an encoded query is ASCII"))
}

/// A page that says what may not be done; for a form, on the page that it stood on.
pub(crate) async fn forbidden(state: AppState, request: Request, error: engine::Error) -> Response {
    if let (&Method::POST, Some(back)) = (request.method(), Back::of(&request)) {
        return back.with(error.into()).await;
    }
    pages::forbidden(state, request, ApiError::from(error)).await
}

/// Runs the function that the path names.
pub(crate) async fn run(app: AppContext, request: Request, arguments: &[u8]) -> Result<Response, ApiError> {
    let answer = leptos_axum::handle_server_fns_with_context(move || app.clone().provide(), request);
    let answer = answer.await.into_response();
    if answer.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return Err(name_argument(read_refusal(answer).await, arguments));
    }
    Ok(answer)
}

/// Reads the arguments whole, so that what is wrong with the body itself gets an answer of its own. Takes out
/// `Accept`: it would make the server function redirect by itself.
pub(crate) async fn buffer(request: Request) -> Result<(Request, Bytes), ApiError> {
    let (mut parts, body) = request.into_parts();
    let body = whole(body, BODY_LIMIT, "The request is too large: an input may hold 16 MiB of JSON").await?;
    parts.headers.remove(header::ACCEPT);
    let mut request = Request::from_parts(parts, Body::from(body.clone()));
    DefaultBodyLimit::disable().apply(&mut request);
    Ok((request, body))
}

/// Reads a form-encoded body of at most `limit` bytes.
pub(crate) async fn whole(body: Body, limit: usize, too_large: &str) -> Result<Bytes, ApiError> {
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ApiError::new("too_large", too_large)
        } else {
            ApiError::new("malformed", "The request broke off")
        }
    })?;
    let body = body.to_bytes();
    // A broken character may become whole by decoding, but not to whoever reads the text before.
    if str::from_utf8(&body).is_err() || percent_decode(&body).decode_utf8().is_err() {
        return Err(ApiError::new("malformed", "The arguments are not UTF-8; send them form-encoded"));
    }
    Ok(body)
}

/// The error that a server function wrote into its answer.
async fn read_refusal(answer: Response) -> ApiError {
    match answer.into_body().collect().await {
        Ok(body) => ApiError::de(body.to_bytes()),
        Err(_) => ApiError::new("internal", "The server could not say what went wrong"),
    }
}

/// Says which argument is to blame where its text is no number: serde's own words do not name it.
fn name_argument(refusal: ApiError, arguments: &[u8]) -> ApiError {
    if refusal.code != "malformed" || refusal.field.is_some() {
        return refusal;
    }
    let mut numbers = form_urlencoded::parse(arguments).filter(|(name, _)| NUMBERS.contains(&name.as_ref()));
    match numbers.find(|(_, text)| text.parse::<i64>().is_err()) {
        Some((name, text)) => ApiError::in_field("malformed", &*name, format!("{name} must be a number, not {text}")),
        None => refusal,
    }
}

/// The way back to the page with the form, for a browser without script.
pub(crate) struct Back {
    to: HeaderValue,
    session: Option<Session>,
}

impl Back {
    /// To a page of one's own choice.
    pub(crate) fn to(page: &str, extensions: &Extensions) -> Self {
        let to = HeaderValue::try_from(url(page)).expect("the addresses of pages are ASCII");
        Self { to, session: kept_for(extensions) }
    }

    /// Set where the caller wants to see a page.
    fn of(request: &Request) -> Option<Self> {
        let headers = request.headers();
        let page = headers.get(header::ACCEPT)?.to_str().ok()?.contains("text/html");
        page.then(|| Self { to: referring_page(headers), session: kept_for(request.extensions()) })
    }

    /// To where the function sends, else to the page the form stood on, with the cookies it sets.
    pub(crate) fn after(self, answer: &Response) -> Response {
        let mut back = see_other(answer.headers().get(header::LOCATION).cloned().unwrap_or(self.to));
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            back.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        back
    }

    /// To the page the form stood on, which will say why.
    pub(crate) async fn with(self, refusal: ApiError) -> Response {
        let flash = Flash { tone: Tone::Danger, text: refusal.message.clone() };
        if self.leave(flash).await { see_other(self.to) } else { refuse(&refusal) }
    }

    /// Leaves a word for the page that comes next; answers whether it will be read.
    pub(crate) async fn leave(&self, flash: Flash) -> bool {
        match &self.session {
            Some(session) => flash::set(session, flash).await.is_ok(),
            None => false,
        }
    }
}

/// The session that a word for the next page is kept in. Nothing is kept for strangers, who could fill the database with
/// it, nor for programs, which bring no session and would get a new one each time.
fn kept_for(extensions: &Extensions) -> Option<Session> {
    match extensions.get::<Visit>()?.engine.actor() {
        Actor::Anonymous | Actor::Client(..) => None,
        Actor::Local | Actor::User(_) => extensions.get().cloned(),
    }
}

/// Path and query of the referring page. Never another site, whatever the header says.
fn referring_page(headers: &HeaderMap) -> HeaderValue {
    let referrer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let uri = referrer.and_then(|text| text.parse::<http::Uri>().ok());
    let page = uri.as_ref().and_then(http::Uri::path_and_query).map(PathAndQuery::as_str);
    let home = url("/");
    // What a form was answered with stands under the address of the form.
    let form = page.and_then(|page| page.strip_prefix(&url("/api/"))).and_then(router::page_of).map(url);
    let page = form.as_deref().or(page);
    let page = page.filter(|page| next::is_below(&home, page)).unwrap_or(&home);
    HeaderValue::from_str(page).expect("a header that was read as text, and the configuration, are ASCII")
}

pub(crate) fn see_other(to: HeaderValue) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
