use serde::{Deserialize, Serialize};

/// Result of a settings form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormResult {
    pub message: String,
    /// A link or token that is shown only once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl FormResult {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), secret: None }
    }
}
