//! Problem details (RFC 9457): the errors of `/api/v1`.

use app::server_fns::ApiError;
use axum::{
    Json,
    response::{IntoResponse, Response},
};
use engine::reports::ReportError;
use http::{HeaderValue, StatusCode, header};
use wire::{FieldProblem, Problem};

/// Seconds after which a client tries again when the server cannot take anything.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// The path of the interface whose errors are problem details.
pub(crate) const V1: &str = "/api/v1/";

/// A request that was refused.
#[derive(Debug)]
pub(crate) struct Rejection(Box<Problem>);

impl Rejection {
    fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let phrase = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
        Self(Box::new(Problem {
            kind: "about:blank".to_owned(),
            title: phrase.to_owned(),
            status,
            detail: detail.into(),
            code: code.to_owned(),
            ..Problem::default()
        }))
    }

    pub(crate) fn malformed(error: &serde_json::Error) -> Self {
        Self::new(400, "malformed", format!("The body cannot be read: {error}"))
    }

    pub(crate) fn incomplete() -> Self {
        Self::new(400, "malformed", "The body did not arrive whole")
    }

    pub(crate) fn invalid(pointer: &str, detail: &str) -> Self {
        let mut rejection = Self::new(422, "invalid", detail);
        let (pointer, detail) = (pointer.to_owned(), detail.to_owned());
        rejection.0.errors = vec![FieldProblem { pointer, code: "invalid".to_owned(), detail }];
        rejection
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(413, "too_large", format!("A request has at most {}; split it", model::bytes(limit as u64)))
    }

    pub(crate) fn too_many_lines(limit: usize) -> Self {
        Self::new(413, "too_large", format!("A request has at most {limit} lines; split it"))
    }

    pub(crate) fn unsupported(detail: &str) -> Self {
        Self::new(415, "unsupported", detail)
    }

    pub(crate) fn no_such_signal(word: &str) -> Self {
        let word: String = word.chars().take(40).collect();
        Self::new(
            404,
            "no_such_signal",
            format!("There is no signal {word}; there are start, progress, log and finish"),
        )
    }
}

/// The rejection of a report.
pub(crate) fn of_report(error: ReportError) -> Rejection {
    let text = error.to_string();
    match error {
        ReportError::Engine(error) => ApiError::from(error).into(),
        ReportError::Invalid(errors) => {
            let mut rejection = Rejection::new(422, "invalid", text);
            rejection.0.errors = errors;
            rejection
        }
        ReportError::Gap { received } => {
            let mut rejection = Rejection::new(409, "gap", text);
            rejection.0.received = Some(received);
            rejection
        }
        ReportError::RunEnded(job, _) => {
            let mut rejection = Rejection::new(409, "run_ended", text);
            rejection.0.job = Some(job.0 as u64);
            rejection
        }
        ReportError::OtherReporter(_) => Rejection::new(409, "other_reporter", text),
        ReportError::KindTaken(_) => Rejection::new(409, "kind_taken", text),
        ReportError::Gone => Rejection::new(410, "gone", text),
        ReportError::NoSuchRun => Rejection::new(404, "no_such_run", text),
        _ => Rejection::new(503, "busy", text),
    }
}

impl From<engine::Error> for Rejection {
    fn from(error: engine::Error) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ApiError> for Rejection {
    fn from(error: ApiError) -> Self {
        // A full disk is a state of the server, which passes: the client keeps its data and tries again.
        let status = if error.status() == 507 { 503 } else { error.status() };
        Self::new(status, &error.code, error.message)
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
