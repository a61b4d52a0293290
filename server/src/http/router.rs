//! Router: one table of all routes. Nothing else adds a route, so that tests can walk all of them.

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
    handlers::{
        about, api, audit_csv, downloads, new_job, offline, pages, reports, schedules, settings_forms, sign_in, uploads,
    },
    http::{assets, form_pages::FORMS, health, trace},
    middleware::{
        auth, body_timeout, client_ip, close_on_unread_body, csrf,
        hosts::{self, Hosts},
        security_headers, sessions,
    },
    stream,
};

/// Time-out of pages and server functions.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Largest body in bytes, unless the handler has its own limit: uploads, forms and server functions.
const BODY_LIMIT: usize = 64 * 1024;

/// How a response is made and sent, which decides its limits and layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A page or a server function: complete, compressed, with a time-out.
    Answer,
    /// A form with files: as [`Shape::Answer`], without the time-out.
    Form,
    /// From memory, without authentication.
    Plain,
    /// An upload or a download of any length.
    Transfer,
    /// A report: small, by a token, without a session. Its errors are problem details.
    Report,
    /// An event stream, open until one side closes it.
    Stream,
}

/// One row of the route table.
pub struct Route {
    /// GET includes HEAD.
    pub method: Method,
    /// In the notation of axum.
    pub path: Cow<'static, str>,
    /// The action that the user must be allowed.
    pub action: Action,
    shape: Shape,
    handler: MethodRouter<AppState>,
}

/// The route table.
pub fn table() -> Vec<Route> {
    use Action::{
        Administer, Control, Delete, Download, Follow, ManageKinds, ManageQueues, ManageUsers, OwnAccount, Public,
        ReadAudit, Report, Schedule, See, Start, Upload,
    };
    use Shape::{Answer, Form, Plain, Stream, Transfer};
    let mut table = vec![
        get("/", See, Answer, pages::page),
        get("/jobs", See, Answer, pages::page),
        get("/jobs/{id}", See, Answer, pages::page),
        get("/jobs/{id}/artifacts", Download, Transfer, downloads::artifacts),
        get("/jobs/{id}/artifacts/{name}", Download, Transfer, downloads::artifact),
        get("/jobs/{id}/input", Download, Transfer, downloads::input),
        get("/jobs/{id}/log", Download, Transfer, downloads::log),
        get("/jobs/{id}/result", Download, Transfer, downloads::result),
        get("/queues", See, Answer, pages::page),
        get("/messages", See, Answer, pages::page),
        get("/about", See, Answer, pages::page),
        get("/about/licences.txt", See, Transfer, about::licences),
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
        post("/api/v1/report/{kind}/{run}", Report, Shape::Report, reports::batch_or_signal),
        post("/api/v1/report/{kind}/{run}/{signal}", Report, Shape::Report, reports::signal),
        get("/api/v1/report/{kind}/{run}", Report, Shape::Report, reports::status),
        get("/api/v1/report/{kind}/{run}/control", Report, Shape::Report, reports::control),
        get("/settings", OwnAccount, Answer, pages::page),
        get("/settings/users", ManageUsers, Answer, pages::page),
        get("/settings/tasks", ManageKinds, Answer, pages::page),
        get("/settings/audit", ReadAudit, Answer, pages::page),
        get("/settings/audit.csv", ReadAudit, Transfer, audit_csv::export),
        server_function("start_job", Start),
        server_function("rerun_job", Start),
        server_function("cancel_job", Control),
        server_function("retry_job", Control),
        server_function("pause_job", Control),
        server_function("resume_job", Control),
        server_function("start_now", Control),
        server_function("dismiss_job", Control),
        server_function("dismiss_jobs", Control),
        server_function("delete_job", Delete),
        server_function("pause_schedule", Schedule),
        server_function("resume_schedule", Schedule),
        server_function("run_schedule", Start),
        server_function("delete_schedule", Schedule),
        server_function("pin_job", See),
        server_function("unpin_job", See),
        server_function("folders", Start),
        server_function("pause_queue", ManageQueues),
        server_function("resume_queue", ManageQueues),
        server_function("limit_queue", ManageQueues),
        server_function("pause_kind", ManageQueues),
        server_function("resume_kind", ManageQueues),
        server_function("limit_kind", ManageQueues),
        server_function("start_demo", Start),
        server_function("schedule_backup", Administer),
        server_function("hide_get_started", Administer),
        server_function("set_theme", Public),
        get("/sign-in", Public, Answer, sign_in::sign_in_page),
        post("/api/sign_in", Public, Answer, sign_in::sign_in),
        post("/api/sign_out", Public, Answer, sign_in::sign_out),
        get("/setup", Public, Answer, sign_in::set_up_page),
        post("/api/set_up", Public, Answer, sign_in::set_up),
        post("/api/{*function}", Public, Plain, api::unknown_function),
        get("/events", Follow, Stream, stream::connect),
        get("/events/poll", Follow, Stream, stream::poll),
        post("/events/{stream}", Follow, Stream, stream::change_topics),
        get("/healthz", Public, Plain, health::healthz),
        get("/offline", Public, Answer, offline::page),
        get("/offline.js", Public, Plain, assets::unversioned),
        get("/service-worker.js", Public, Plain, offline::service_worker),
        get("/away.js", Public, Plain, offline::old_service_worker),
        get("/icons.svg", Public, Plain, assets::unversioned),
        get("/mark.svg", Public, Plain, assets::unversioned),
        get(format!("/{}/{{*file}}", assets::folder()), Public, Plain, assets::versioned),
    ];
    table.extend(FORMS.into_iter().map(|(function, action, page)| server_function_form(function, action, page)));
    table
}

/// Builds the router from the table.
pub fn router(state: AppState) -> Router {
    let hosts = Arc::new(Hosts::new(&state.config));
    let compressed = CompressionLayer::new().quality(CompressionLevel::Fastest);
    let time_limit = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_TIMEOUT);
    let answer = ServiceBuilder::new().layer(time_limit).layer(compressed.clone());
    let with_session = sessions::layer(state.sessions.clone(), &state.config);
    let own_pages = middleware::from_fn_with_state(Arc::clone(&hosts), csrf::check_streams);
    let require = |action| middleware::from_fn_with_state((state.clone(), action), auth::require_action);
    let router = table().into_iter().fold(Router::new(), |router, route| {
        let authorised = |handler: MethodRouter<AppState>| -> MethodRouter<AppState> {
            // As a route layer: an unsupported method gets 405 without authentication.
            handler.route_layer(ServiceBuilder::new().layer(with_session.clone()).layer(require(route.action)))
        };
        let handler = match route.shape {
            Shape::Answer => authorised(route.handler).layer(answer.clone()),
            Shape::Form => authorised(route.handler).layer(compressed.clone()),
            Shape::Stream => authorised(route.handler).layer(own_pages.clone()),
            Shape::Transfer => authorised(route.handler),
            Shape::Report => route.handler.route_layer(require(route.action)),
            Shape::Plain => route.handler,
        };
        router.route(&route.path, handler)
    });
    let not_found = ServiceBuilder::new()
        .layer(answer)
        .layer(with_session.clone())
        .layer(require(Action::See))
        .service(pages::not_found.with_state(state.clone()));
    nest_under(&state.config.base_path, router.fallback_service(not_found))
        .layer(CatchPanicLayer::new())
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn_with_state(state.config.body_timeout, body_timeout::limit))
        .layer(middleware::from_fn_with_state(Arc::clone(&hosts), csrf::check))
        .layer(middleware::from_fn_with_state(hosts, hosts::check))
        .layer(middleware::from_fn(security_headers::add))
        .layer(middleware::from_fn(close_on_unread_body::close))
        .layer(TraceLayer::new_for_http().make_span_with(trace::span))
        .layer(middleware::from_fn_with_state(state.config.trusted_proxies.clone(), client_ip::set_client_address))
        .with_state(state)
}

/// A server function; without a row it cannot be called.
fn server_function(function: &'static str, action: Action) -> Route {
    post(format!("/api/{function}"), action, Shape::Answer, api::call)
}

/// A server function with a form on a page.
fn server_function_form(function: &'static str, action: Action, page: &'static str) -> Route {
    post(format!("/api/{function}"), action, Shape::Answer, move |state, identity, request| {
        settings_forms::call(page, state, identity, request)
    })
}

/// Nests the router under the base path. `/healthz` stays at the root as well, since probes usually bypass the proxy;
/// the bare address and the base path without its last slash redirect.
fn nest_under(base: &str, router: Router<AppState>) -> Router<AppState> {
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
