//! Every address there is, in one table. Nothing else adds a route, so that a test can walk them all.

use std::{borrow::Cow, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    middleware,
    response::Redirect,
    routing::{self, MethodRouter},
};
use http::{Method, StatusCode};
use tower::ServiceBuilder;
use tower_http::{
    CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer, timeout::TimeoutLayer,
    trace::TraceLayer,
};

use engine::access::Action;

use crate::{
    AppState,
    handlers::{api, audit_csv, downloads, new_job, offline, pages, schedules, settings_forms, sign_in, uploads},
    http::{assets, health, trace},
    middleware::{
        auth, body_timeout, client_ip, close_on_unread_body,
        security::{self, Hosts},
        sessions,
    },
    stream,
};

/// No page and no call takes longer to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The largest body, bytes, but where a handler has a limit of its own: of uploads, forms and server functions.
const BODY_LIMIT: usize = 64 * 1024;

/// How a request behaves on the wire, which decides the limits and layers it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Worked out and answered whole, compressed; knows its visitor.
    Answer,
    /// Takes as long as the files that come with it; then like an answer.
    Form,
    /// Answered from memory.
    Plain,
    /// As long as the file is.
    Transfer,
    /// Open until someone closes it.
    Stream,
}

/// The server functions whose forms stand on a page of their own: what they do, and which page that is; `{id}` is their
/// argument of that name. To a browser without script they answer with the page, where something is wrong or is to be
/// shown once.
const FORMS: [(&str, Action, &str); 15] = [
    ("change_password", Action::OwnAccount, "/settings"),
    ("end_session", Action::OwnAccount, "/settings"),
    ("end_other_sessions", Action::OwnAccount, "/settings"),
    ("make_token", Action::OwnAccount, "/settings"),
    ("revoke_token", Action::OwnAccount, "/settings"),
    ("set_time_zone", Action::OwnAccount, "/settings"),
    ("add_user", Action::ManageUsers, "/settings/users"),
    ("change_role", Action::ManageUsers, "/settings/users"),
    ("reset_password", Action::ManageUsers, "/settings/users"),
    ("end_sessions_of", Action::ManageUsers, "/settings/users"),
    ("remove_user", Action::ManageUsers, "/settings/users"),
    ("revoke_token_of", Action::ManageUsers, "/settings/users"),
    ("change_kind_rule", Action::ManageKinds, "/settings/tasks"),
    ("send_message", Action::Write, "/messages"),
    ("add_note", Action::Write, "/jobs/{id}"),
];

/// One row of the table.
pub struct Route {
    /// Its method; GET includes HEAD.
    pub method: Method,
    /// Its path, in axum's notation.
    pub path: Cow<'static, str>,
    /// What it does.
    pub action: Action,
    shape: Shape,
    handler: MethodRouter<AppState>,
}

/// The table.
pub fn table() -> Vec<Route> {
    use Action::{
        Control, Delete, Download, Follow, ManageKinds, ManageQueues, ManageUsers, OwnAccount, Public, ReadAudit,
        Schedule, See, Start, Upload,
    };
    use Shape::{Answer, Form, Plain, Stream, Transfer};
    let mut table = vec![
        get("/", See, Answer, pages::page),
        get("/jobs", See, Answer, pages::page),
        get("/jobs/{id}", See, Answer, pages::page),
        get("/jobs/{id}/artifacts/{name}", Download, Transfer, downloads::artifact),
        get("/jobs/{id}/input", Download, Transfer, downloads::input),
        get("/jobs/{id}/log", Download, Transfer, downloads::log),
        get("/jobs/{id}/result", Download, Transfer, downloads::result),
        get("/queues", See, Answer, pages::page),
        get("/messages", See, Answer, pages::page),
        get("/new", Start, Answer, pages::page),
        get("/new/{kind}", Start, Answer, pages::page),
        post("/new/{kind}", Start, Form, new_job::start),
        get("/schedules", See, Answer, pages::page),
        get("/schedules/new", Schedule, Answer, pages::page),
        post("/schedules/new", Schedule, Form, schedules::add),
        get("/schedules/{id}", See, Answer, pages::page),
        get("/schedules/{id}/edit", Schedule, Answer, pages::page),
        post("/schedules/{id}/edit", Schedule, Form, schedules::change),
        post("/uploads", Upload, Transfer, uploads::upload),
        get("/settings", OwnAccount, Answer, pages::page),
        get("/settings/users", ManageUsers, Answer, pages::page),
        get("/settings/tasks", ManageKinds, Answer, pages::page),
        get("/settings/audit", ReadAudit, Answer, pages::page),
        get("/settings/audit.csv", ReadAudit, Transfer, audit_csv::csv),
        call("start_job", Start),
        call("rerun_job", Start),
        call("cancel_job", Control),
        call("retry_job", Control),
        call("pause_job", Control),
        call("resume_job", Control),
        call("start_now", Control),
        call("delete_job", Delete),
        call("pause_schedule", Schedule),
        call("resume_schedule", Schedule),
        call("run_schedule", Start),
        call("delete_schedule", Schedule),
        call("pin_job", See),
        call("unpin_job", See),
        call("folders", Start),
        call("pause_queue", ManageQueues),
        call("resume_queue", ManageQueues),
        call("limit_queue", ManageQueues),
        call("pause_kind", ManageQueues),
        call("resume_kind", ManageQueues),
        call("limit_kind", ManageQueues),
        call("set_theme", Public),
        get("/sign-in", Public, Answer, sign_in::sign_in_page),
        post("/api/sign_in", Public, Answer, sign_in::sign_in),
        post("/api/sign_out", Public, Answer, sign_in::sign_out),
        get("/setup", Public, Answer, sign_in::set_up_page),
        post("/api/set_up", Public, Answer, sign_in::set_up),
        post("/api/{*function}", Public, Plain, api::unknown),
        get("/events", Follow, Stream, stream::connect),
        get("/events/poll", Follow, Stream, stream::poll),
        post("/events/{stream}", Follow, Stream, stream::change_topics),
        get("/healthz", Public, Plain, health::healthz),
        get("/offline", Public, Answer, offline::page),
        get("/offline.js", Public, Plain, assets::plain),
        get("/service-worker.js", Public, Plain, offline::worker),
        get("/away.js", Public, Plain, offline::old_worker),
        get("/icons.svg", Public, Plain, assets::plain),
        get("/mark.svg", Public, Plain, assets::plain),
        get(format!("/{}/{{*file}}", assets::folder()), Public, Plain, assets::stamped),
    ];
    table.extend(FORMS.into_iter().flat_map(|(function, action, page)| form(function, action, page)));
    table
}

/// The page that the form of a server function stands on, where there is one.
pub(crate) fn page_of(function: &str) -> Option<&'static str> {
    FORMS.iter().find(|(known, ..)| *known == function).map(|(.., page)| above(page))
}

/// A page without what only the form knows: of the page of a job, the list of them.
fn above(page: &'static str) -> &'static str {
    page.split("/{").next().unwrap_or(page)
}

/// The router that the table describes.
pub fn router(state: AppState) -> Router {
    let hosts = Arc::new(Hosts::of(&state.config));
    let compressed = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let in_time = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIMEOUT);
    let answer = ServiceBuilder::new().layer(in_time).layer(compressed.clone());
    let known = sessions::layer(state.sessions.clone(), &state.config);
    let own_pages = middleware::from_fn_with_state(Arc::clone(&hosts), security::own_pages_only);
    let admit = |action| middleware::from_fn_with_state((state.clone(), action), auth::admit);
    let router = table().into_iter().fold(Router::new(), |router, route| {
        let admitted = |handler: MethodRouter<AppState>| -> MethodRouter<AppState> {
            // A method that the address does not take is none to be admitted to.
            handler.route_layer(ServiceBuilder::new().layer(known.clone()).layer(admit(route.action)))
        };
        let handler = match route.shape {
            Shape::Answer => admitted(route.handler).layer(answer.clone()),
            Shape::Form => admitted(route.handler).layer(compressed.clone()),
            Shape::Stream => admitted(route.handler).layer(own_pages.clone()),
            Shape::Transfer => admitted(route.handler),
            Shape::Plain => route.handler,
        };
        router.route(&route.path, handler)
    });
    let elsewhere = ServiceBuilder::new()
        .layer(answer)
        .layer(known.clone())
        .layer(admit(Action::See))
        .service(pages::not_found.with_state(state.clone()));
    below(&state.config.base_path, router.fallback_service(elsewhere))
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(state.config.patience, body_timeout::end))
        .layer(middleware::from_fn_with_state(hosts, security::guard))
        .layer(middleware::from_fn(close_on_unread_body::end))
        .layer(TraceLayer::new_for_http().make_span_with(trace::span))
        .layer(middleware::from_fn_with_state(state.config.trusted_proxies.clone(), client_ip::identify))
        .with_state(state)
}

/// A server function. One without a row here cannot be called.
fn call(function: &'static str, action: Action) -> Route {
    post(format!("/api/{function}"), action, Shape::Answer, api::call)
}

/// A server function with its page. The page that it has answered with stands at its own address: who asks for that
/// again, gets the page as it is by then.
fn form(function: &'static str, action: Action, page: &'static str) -> [Route; 2] {
    let path = format!("/api/{function}");
    let back = move || async move { Redirect::to(&app::base_path::url(above(page))) };
    [
        post(path.clone(), action, Shape::Answer, move |state, visit, request| {
            settings_forms::call(page, state, visit, request)
        }),
        get(path, Action::Public, Shape::Plain, back),
    ]
}

/// The router moved below `base`. Beside it, health answers where it always does, since probes mostly go around the
/// proxy; and who comes by the bare address, or forgets the last slash, is sent on.
fn below(base: &str, router: Router<AppState>) -> Router<AppState> {
    if base.is_empty() {
        return router;
    }
    let home = app::base_path::url("/");
    let on = routing::get(|| async move { Redirect::temporary(&home) });
    Router::new()
        .nest(&format!("{base}/"), router)
        .route("/", on.clone())
        .route(base, on)
        .route("/healthz", routing::get(health::healthz))
}

fn get<H, T>(path: impl Into<Cow<'static, str>>, action: Action, shape: Shape, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route { method: Method::GET, path: path.into(), action, shape, handler: routing::get(handler) }
}

fn post<H, T>(path: impl Into<Cow<'static, str>>, action: Action, shape: Shape, handler: H) -> Route
where
    H: Handler<T, AppState>,
    T: 'static,
{
    Route { method: Method::POST, path: path.into(), action, shape, handler: routing::post(handler) }
}
