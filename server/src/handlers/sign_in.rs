//! The doorstep: the pages for whoever has not signed in, and the forms on them.
//!
//! The forms answer people with a page and programs with JSON. What went wrong stands on the page that is answered, not
//! on another one that is led to: so the status is true, and what was typed is still there.

mod device;
pub(crate) mod next;

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
    store::{LinkFor, Note},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use model::FieldError;
use tower_sessions::Session;
use url::form_urlencoded;

use crate::{
    AppState,
    handlers::{api, offline},
    middleware::{auth::Visit, security},
    run::users,
};

/// The largest form, bytes: names and passwords are short.
const FORM_LIMIT: usize = 16 * 1024;

/// `GET /sign-in?next=PATH`.
pub(crate) async fn sign_in_page(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    request: Request,
) -> Response {
    let next = next::local(asked(&request, "next").as_deref());
    match (&state.auth, visit.engine.actor()) {
        (Some(auth), Actor::Anonymous) => {
            let form = SignInForm { next, ..SignInForm::default() };
            let page = if auth.is_set_up() { PublicPage::SignIn(form) } else { PublicPage::NotSetUp };
            show(&state, request.headers(), StatusCode::OK, page)
        }
        (None, _) | (_, Actor::Local | Actor::User(_) | Actor::Client(..)) => go(&next),
    }
}

/// `POST /api/sign_in`: `name`, `password`, and for people `next`.
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    session: Session,
    request: Request,
) -> Response {
    let form = match Sent::read(request).await {
        Ok(form) => form,
        Err(error) => return api::refuse(&error),
    };
    let Some(auth) = &state.auth else { return without_accounts() };
    let (error, wait) = match auth.sign_in(form.text("name"), form.text("password"), visit.address).await {
        Ok(authenticated) => match enter(auth, &visit, &session, authenticated, &form.headers).await {
            Ok(()) => return form.done(&next::local(Some(form.text("next")))),
            Err(error) => (error, None),
        },
        Err(error) => refusal(error),
    };
    let mut response = if form.page {
        let page = SignInForm {
            next: next::local(Some(form.text("next"))),
            name: form.text("name").to_owned(),
            refusal: Some(error.clone()),
        };
        show(&state, &form.headers, status(&error), PublicPage::SignIn(page))
    } else {
        api::refuse(&error)
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `POST /api/sign_out`: this session ends. Who has none is out already.
pub(crate) async fn sign_out(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    session: Session,
    request: Request,
) -> Response {
    if visit.session().is_some() {
        let left = async {
            session.flush().await?;
            // Who has been removed meanwhile is nobody.
            if visit.engine.actor().principal().is_some() {
                let note = Note { by: visit.engine.attribution().clone(), what: "signed_out", detail: String::new() };
                state.engine.store().note(note).await?;
            }
            if let Some(auth) = &state.auth {
                // Its streams end at once.
                auth.refresh().await?;
            }
            Ok::<_, ApiError>(())
        };
        if let Err(error) = left.await {
            return api::refuse(&error);
        }
    }
    if api::wants_page(&request) { go(&url("/sign-in")) } else { Json(()).into_response() }
}

/// `GET /setup?link=SECRET`.
pub(crate) async fn set_up_page(State(state): State<AppState>, request: Request) -> Response {
    let Some(auth) = &state.auth else { return go(&url("/")) };
    let form = set_up_form(auth, &asked(&request, "link").unwrap_or_default()).await;
    show_set_up(&state, request.headers(), StatusCode::OK, form)
}

/// `POST /api/set_up`: `link`, `name` where the link is for the first administrator, `password`, and for people `again`.
pub(crate) async fn set_up(
    State(state): State<AppState>,
    Extension(visit): Extension<Visit>,
    session: Session,
    request: Request,
) -> Response {
    let form = match Sent::read(request).await {
        Ok(form) => form,
        Err(error) => return api::refuse(&error),
    };
    let Some(auth) = &state.auth else { return without_accounts() };
    let (link, name, password) = (form.text("link"), form.text("name"), form.text("password"));
    let used = if form.page && password != form.text("again") {
        Err(mistyped())
    } else {
        auth.use_link(link, name, password, visit.address).await.map_err(ApiError::from)
    };
    let entered = match used {
        Ok(authenticated) => enter(auth, &visit, &session, authenticated, &form.headers).await,
        Err(error) => Err(error),
    };
    if !name.is_empty() && auth.is_set_up() {
        users::forget_invitation(&state.config);
    }
    match entered {
        Ok(()) => form.done(&url("/")),
        Err(error) if form.page => {
            let status = status(&error);
            let again = set_up_form(auth, link).await.map(|empty| {
                let refusal = error.fields.is_empty().then_some(error.message);
                empty.map(|empty| SetUpForm { name: name.to_owned(), faults: error.fields, refusal, ..empty })
            });
            show_set_up(&state, &form.headers, status, again)
        }
        Err(error) => api::refuse(&error),
    }
}

/// Makes the session theirs, unless the password by which they came has been replaced meanwhile.
async fn enter(
    auth: &AuthService,
    visit: &Visit,
    session: &Session,
    authenticated: AuthenticatedUser,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let account =
        SessionUser { user: authenticated.user.id.0, device: device::words(headers), since: visit.engine.now() };
    account.sign_in(session).await?;
    // Kept before it is asked: from then on a new password ends it.
    session.save().await?;
    if auth.password_is_current(&authenticated).await? {
        return Ok(());
    }
    session.flush().await?;
    Err(mismatch())
}

/// Why nobody was signed in, and how many seconds to wait before the next try.
fn refusal(error: SignInError) -> (ApiError, Option<u64>) {
    match error {
        SignInError::WrongCredentials => (mismatch(), None),
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

fn mismatch() -> ApiError {
    ApiError::new("wrong_credentials", "Name and password do not match.")
}

fn mistyped() -> ApiError {
    let message = "The passwords do not match. Enter both again.".to_owned();
    ApiError::invalid_input(vec![FieldError { field: "again".to_owned(), message }])
}

fn without_accounts() -> Response {
    api::refuse(&engine::Error::from(Denied::NoAccounts).into())
}

/// The empty form for a link, if it can be used.
async fn set_up_form(auth: &AuthService, link: &str) -> engine::Result<Option<SetUpForm>> {
    Ok(auth.link_for(link).await?.map(|whom| {
        let person = match whom {
            LinkFor::Setup => None,
            LinkFor::User(name) => Some(name),
        };
        SetUpForm { link: link.to_owned(), person, ..SetUpForm::default() }
    }))
}

fn show_set_up(
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
    show(state, headers, status, page)
}

/// A page outside.
fn show(state: &AppState, headers: &HeaderMap, status: StatusCode, page: PublicPage) -> Response {
    let html = document(state.leptos.clone(), state.config.name(), Theme::of(headers), page);
    let told = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, security::OUTSIDE),
        // The address of a set-up page is a secret. With `no-referrer` browsers would not send `Origin` either.
        (header::REFERRER_POLICY, "origin"),
        (offline::VISITOR, offline::NOBODY),
    ];
    (status, told, html).into_response()
}

fn go(to: &str) -> Response {
    api::see_other(HeaderValue::from_str(to).expect("next::local lets only ASCII pass, and the configuration is ASCII"))
}

fn status(error: &ApiError) -> StatusCode {
    StatusCode::from_u16(error.status()).expect("ApiError::status answers valid statuses")
}

/// What the address asks by a name; the first of several.
fn asked(request: &Request, name: &str) -> Option<String> {
    let query = request.uri().query().unwrap_or_default();
    let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
    found.map(|(_, text)| text.into_owned())
}

/// A form that was sent.
struct Sent {
    /// Whether whoever sent it waits for a page.
    page: bool,
    headers: HeaderMap,
    fields: HashMap<String, String>,
}

impl Sent {
    async fn read(request: Request) -> Result<Self, ApiError> {
        let page = api::wants_page(&request);
        let (parts, body) = request.into_parts();
        let body = api::whole(body, FORM_LIMIT, "The form is too large").await?;
        let fields = form_urlencoded::parse(&body).into_owned().collect();
        Ok(Self { page, headers: parts.headers, fields })
    }

    /// What stands in a field; nothing where there is none.
    fn text(&self, field: &str) -> &str {
        self.fields.get(field).map(String::as_str).unwrap_or_default()
    }

    /// All went well: people go on to a page.
    fn done(&self, to: &str) -> Response {
        if self.page { go(to) } else { Json(()).into_response() }
    }
}
