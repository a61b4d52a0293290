//! API error: why a server function refused.

use std::fmt;

use engine::access::Denied;
use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};
use model::FieldError;
use serde::{Deserialize, Serialize};

/// JSON for scripts and islands; the status follows from `code`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// A stable word for programs; see [`ApiError::status`].
    pub code: String,
    /// The argument or field to change; the first of several.
    pub field: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
    /// All invalid fields (`invalid_input` only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// Returns an error of no field.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), field: None, message: message.into(), fields: Vec::new() }
    }

    /// Returns an error of one argument or field.
    pub fn in_field(code: impl Into<String>, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..Self::new(code, message) }
    }

    /// Returns an error of the input. `fields` is never empty.
    pub fn invalid_input(fields: Vec<FieldError>) -> Self {
        let first = fields.first();
        let message = first.map_or_else(|| "The input does not fit the task".to_owned(), |fault| fault.message.clone());
        let field = first.map(|fault| fault.field.clone()).filter(|name| !name.is_empty());
        Self { code: "invalid_input".to_owned(), field, message, fields }
    }

    /// Renames a field from the engine's name to that of the form.
    pub(super) fn of_field(mut self, engine: &str, form: &str) -> Self {
        for fault in self.fields.iter_mut().filter(|fault| fault.field == engine) {
            form.clone_into(&mut fault.field);
        }
        self.field = self.field.map(|field| if field == engine { form.to_owned() } else { field });
        self
    }

    /// Returns the HTTP status of the code. Codes that are not listed are conflicts with the state of a job, such as
    /// `already_ended`: 409.
    pub fn status(&self) -> u16 {
        match self.code.as_str() {
            "malformed" | "missing_argument" => 400,
            "unauthorized" | "wrong_credentials" => 401,
            "forbidden" => 403,
            "no_such_job" | "no_such_schedule" | "no_such_upload" | "no_such_artifact" | "no_such_stream"
            | "unknown_kind" | "unknown_queue" | "unknown_function" => 404,
            "too_large" | "quota_reached" => 413,
            "invalid_input" | "invalid_path" | "invalid_limit" => 422,
            "too_many_requests" => 429,
            "internal" | "artifact_damaged" => 500,
            "shutting_down" | "busy" | "search_too_long" | "searches_busy" | "unreachable" | "read_only"
            | "data_removed" | "database_damaged" => 503,
            "disk_full" | "file_limit" => 507,
            _ => 409,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl FromServerFnError for ApiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(text) | ServerFnErrorErr::MissingArg(text) => bad_arguments(&text),
            // The server could not be reached, or something else responded.
            ServerFnErrorErr::Request(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => {
                Self::new("unreachable", "The request failed. Check your connection and try again.")
            }
            ServerFnErrorErr::Registration(text)
            | ServerFnErrorErr::ServerError(text)
            | ServerFnErrorErr::MiddlewareError(text)
            | ServerFnErrorErr::Serialization(text)
            | ServerFnErrorErr::Response(text) => Self::new("internal", format!("The server failed: {text}")),
        }
    }
}

/// Serde quotes the name of a missing argument in backticks: "missing field `kind`".
fn bad_arguments(text: &str) -> ApiError {
    match text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        Some(name) => ApiError::in_field("missing_argument", name, format!("Missing parameter “{name}”.")),
        None => ApiError::new("malformed", format!("Invalid parameter: {text}")),
    }
}

impl From<engine::Error> for ApiError {
    fn from(error: engine::Error) -> Self {
        let code = match error {
            engine::Error::InvalidInput(fields) => {
                let spoken = |fault: FieldError| FieldError { message: sentence(&fault.message), ..fault };
                return Self::invalid_input(fields.into_iter().map(spoken).collect());
            }
            engine::Error::UnknownKind { .. } => {
                return Self::in_field("unknown_kind", "kind", sentence(&error.to_string()));
            }
            engine::Error::UnknownQueue { .. } => {
                return Self::in_field("unknown_queue", "queue", sentence(&error.to_string()));
            }
            engine::Error::Conflict { code, .. } | engine::Error::Refused { code, .. } => code,
            engine::Error::Denied(Denied::SignIn) => "unauthorized",
            engine::Error::Denied(_) => "forbidden",
            engine::Error::NoSuchJob(_) => "no_such_job",
            engine::Error::NoSuchSchedule(_) => "no_such_schedule",
            engine::Error::NoSuchUpload(_) => "no_such_upload",
            engine::Error::NoSuchArtifact(..) => "no_such_artifact",
            engine::Error::DamagedArtifact { .. } => "artifact_damaged",
            engine::Error::Path(_) => "invalid_path",
            engine::Error::TooLarge(_) => "too_large",
            engine::Error::Quota { .. } => "quota_reached",
            engine::Error::Full => "disk_full",
            engine::Error::FileLimit => "file_limit",
            engine::Error::ReadOnly => "read_only",
            engine::Error::Gone => "data_removed",
            engine::Error::Damaged(_) => {
                tracing::error!(%error, "the database is damaged");
                let message = "The database is damaged. The server's log names the file and the newest backup.";
                return Self::new("database_damaged", message);
            }
            engine::Error::Busy => "busy",
            engine::Error::ShuttingDown => "shutting_down",
            // The caller cannot fix the rest, and it may name files and tables: log it.
            error => {
                tracing::error!(%error, "a call of the engine failed");
                return Self::new("internal", "Internal error. The server log has the details.");
            }
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

impl From<tower_sessions::session::Error> for ApiError {
    fn from(error: tower_sessions::session::Error) -> Self {
        tracing::error!(%error, "a session could not be read or kept");
        Self::new("internal", "Internal error. The server log has the details.")
    }
}

/// The engine's messages start in lower case, because they also end other sentences.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
