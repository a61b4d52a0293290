//! Sign-in, sign-out and set-up: the signed-out pages and their forms.
//!
//! Browsers get a page, clients JSON. An error is shown on the response itself and not after a redirect, so that the
//! status is right and the fields keep their content.

mod device;
pub(crate) mod return_path;

use std::collections::HashMap;

use accounts::{AuthService, AuthenticatedUser, SignInError};
use app::{
    base_path::url,
    pages::public::{PublicPage, SetUpForm, SignInForm, document},
    server_fns::ApiError,
    session::{SessionUser, Theme},
};
use axum::{
    Extension, Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use engine::{
    access::{Actor, Denied},
    store::{AuditNote, LinkFor},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::FieldError;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{
    AppState,
    handlers::{api, offline},
    http::response::{error_response, see_other, wants_html},
    identity::RequestIdentity,
    middleware::security_headers,
    setup_link_file,
};

/// The largest form, bytes: names and passwords are short.
const FORM_LIMIT: usize = 16 * 1024;

/// `GET /sign-in?next=PATH`.
pub(crate) async fn sign_in_page(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    request: Request,
) -> Response {
    let next = return_path::local(query_parameter(&request, "next").as_deref());
    match (&state.auth, identity.engine.actor()) {
        (Some(auth), Actor::Anonymous) => {
            let form = SignInForm { next, ..SignInForm::default() };
            let page = if auth.is_set_up() { PublicPage::SignIn(form) } else { PublicPage::NotSetUp };
            render_public_page(&state, request.headers(), StatusCode::OK, page)
        }
        (None, _) | (_, Actor::Local | Actor::User(_) | Actor::Client(..)) => redirect_to(&next),
    }
}

/// `POST /api/sign_in`: `name`, `password`, and from browsers `next`.
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    session: Session,
    request: Request,
) -> Response {
    let form = match SubmittedForm::read(request).await {
        Ok(form) => form,
        Err(error) => return error_response(&error),
    };
    let Some(auth) = &state.auth else { return accounts_disabled() };
    let (error, wait) = match auth.sign_in(form.field("name"), form.field("password"), identity.address).await {
        Ok(authenticated) => match create_session(auth, &identity, &session, authenticated, &form.headers).await {
            Ok(()) => return form.respond(&return_path::local(Some(form.field("next")))),
            Err(error) => (error, None),
        },
        Err(error) => sign_in_error(error),
    };
    let mut response = if form.page {
        let page = SignInForm {
            next: return_path::local(Some(form.field("next"))),
            name: form.field("name").to_owned(),
            refusal: Some(error.clone()),
        };
        render_public_page(&state, &form.headers, status(&error), PublicPage::SignIn(page))
    } else {
        error_response(&error)
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `POST /api/sign_out`: ends this session, if there is one.
pub(crate) async fn sign_out(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    session: Session,
    request: Request,
) -> Response {
    if identity.session().is_some() {
        let signed_out = async {
            session.flush().await?;
            // None for a user who was removed before.
            if identity.engine.actor().principal().is_some() {
                let note =
                    AuditNote { by: identity.engine.attribution().clone(), what: "signed_out", detail: String::new() };
                state.engine.store().add_audit_note(note).await?;
            }
            if let Some(auth) = &state.auth {
                // Ends the streams of the session at once.
                auth.refresh().await?;
            }
            Ok::<_, ApiError>(())
        };
        if let Err(error) = signed_out.await {
            return error_response(&error);
        }
    }
    if wants_html(&request) { redirect_to(&url("/sign-in")) } else { Json(()).into_response() }
}

/// `GET /setup?link=SECRET`.
pub(crate) async fn set_up_page(State(state): State<AppState>, request: Request) -> Response {
    let Some(auth) = &state.auth else { return redirect_to(&url("/")) };
    let form = set_up_form(auth, &query_parameter(&request, "link").unwrap_or_default()).await;
    render_set_up(&state, request.headers(), StatusCode::OK, form)
}

/// `POST /api/set_up`: `link`, `name` of the first administrator, `password`, and from browsers `again`.
pub(crate) async fn set_up(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    session: Session,
    request: Request,
) -> Response {
    let form = match SubmittedForm::read(request).await {
        Ok(form) => form,
        Err(error) => return error_response(&error),
    };
    let Some(auth) = &state.auth else { return accounts_disabled() };
    let (link, name, password) = (form.field("link"), form.field("name"), form.field("password"));
    let used = if form.page && password != form.field("again") {
        Err(password_mismatch())
    } else {
        auth.use_link(link, name, password, identity.address).await.map_err(ApiError::from)
    };
    let entered = match used {
        Ok(authenticated) => create_session(auth, &identity, &session, authenticated, &form.headers).await,
        Err(error) => Err(error),
    };
    if !name.is_empty() && auth.is_set_up() {
        setup_link_file::remove(&state.config);
    }
    match entered {
        Ok(()) => form.respond(&url("/")),
        Err(error) if form.page => {
            let status = status(&error);
            let again = set_up_form(auth, link).await.map(|empty| {
                let refusal = error.fields.is_empty().then_some(error.message);
                empty.map(|empty| SetUpForm { name: name.to_owned(), faults: error.fields, refusal, ..empty })
            });
            render_set_up(&state, &form.headers, status, again)
        }
        Err(error) => error_response(&error),
    }
}

/// Signs the session in, unless the password has been replaced since it was checked.
async fn create_session(
    auth: &AuthService,
    identity: &RequestIdentity,
    session: &Session,
    authenticated: AuthenticatedUser,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let account =
        SessionUser { user: authenticated.user.id.0, device: device::describe(headers), since: identity.engine.now() };
    account.sign_in(session).await?;
    // Saved before the check: from then on a new password ends the session.
    session.save().await?;
    if auth.password_is_current(&authenticated).await? {
        return Ok(());
    }
    session.flush().await?;
    Err(wrong_credentials())
}

/// The error of a failed sign-in, and the seconds to wait because of the rate limit.
fn sign_in_error(error: SignInError) -> (ApiError, Option<u64>) {
    match error {
        SignInError::WrongCredentials => (wrong_credentials(), None),
        SignInError::TooManyTries { wait } => {
            let seconds = (wait.as_secs_f64().ceil() as u64).max(1);
            let text = format!("Too many tries. Wait {seconds} s before the next one.");
            (ApiError::new("too_many_requests", text), Some(seconds))
        }
        SignInError::Busy => {
            (ApiError::new("busy", "Too many sign-ins at the moment. Try again in a few seconds."), Some(1))
        }
        SignInError::Store(error) => (error.into(), None),
    }
}

fn wrong_credentials() -> ApiError {
    ApiError::new("wrong_credentials", "Name and password do not match.")
}

fn password_mismatch() -> ApiError {
    let message = "The passwords do not match. Enter both again.".to_owned();
    ApiError::invalid_input(vec![FieldError { field: "again".to_owned(), message }])
}

fn accounts_disabled() -> Response {
    error_response(&engine::Error::from(Denied::NoAccounts).into())
}

/// The empty form of a link; `None` if the link cannot be used.
async fn set_up_form(auth: &AuthService, link: &str) -> engine::Result<Option<SetUpForm>> {
    Ok(auth.link_for(link).await?.map(|whom| {
        let person = match whom {
            LinkFor::Setup => None,
            LinkFor::User(name) => Some(name),
        };
        SetUpForm { link: link.to_owned(), person, ..SetUpForm::default() }
    }))
}

fn render_set_up(
    state: &AppState,
    headers: &HeaderMap,
    status: StatusCode,
    form: engine::Result<Option<SetUpForm>>,
) -> Response {
    let (status, page) = match form {
        Ok(Some(form)) => (status, PublicPage::SetUp(form)),
        Ok(None) => (StatusCode::NOT_FOUND, PublicPage::NoSuchLink),
        Err(error) => {
            tracing::error!(%error, "a link could not be looked up");
            (StatusCode::INTERNAL_SERVER_ERROR, PublicPage::Unreadable)
        }
    };
    render_public_page(state, headers, status, page)
}

/// Renders a signed-out page.
fn render_public_page(state: &AppState, headers: &HeaderMap, status: StatusCode, page: PublicPage) -> Response {
    let html = document(state.leptos.clone(), state.config.name(), Theme::of(headers), page);
    let headers_of_page = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, security_headers::PUBLIC_PAGE_POLICY),
        // The address of a set-up page is secret. With `no-referrer` browsers do not send `Origin` either.
        (header::REFERRER_POLICY, "origin"),
        (offline::VISITOR, offline::ANONYMOUS),
    ];
    (status, headers_of_page, html).into_response()
}

fn redirect_to(to: &str) -> Response {
    see_other(HeaderValue::from_str(to).expect("next::local lets only ASCII pass, and the configuration is ASCII"))
}

fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).expect("ApiError::status answers valid statuses")
}

/// The first query parameter of that name.
fn query_parameter(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.map(|(_, text)| text.into_owned())
}

/// A submitted form.
struct SubmittedForm {
    /// Whether the sender is a browser.
    page: bool,
    headers: HeaderMap,
    fields: HashMap<String, String>,
}

impl SubmittedForm {
    async fn read(request: Request) -> Result<Self, ApiError> {
        let page = wants_html(&request);
        let (parts, body) = request.into_parts();
        let body = api::read_form_body(body, FORM_LIMIT, "The form is too large").await?;
        let fields = form_urlencoded::parse(&body).into_owned().collect();
        Ok(Self { page, headers: parts.headers, fields })
    }

    /// The text of a field; empty if it is missing.
    fn field(&self, field: &str) -> &str {
        self.fields.get(field).map(String::as_str).unwrap_or_default()
    }

    /// The response to a form without errors: a redirect for browsers.
    fn respond(&self, to: &str) -> Response {
        if self.page { redirect_to(to) } else { Json(()).into_response() }
    }
}
