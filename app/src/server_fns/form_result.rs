use serde::{Deserialize, Serialize};

/// What a form of the settings has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormResult {
    /// A sentence for people.
    pub message: String,
    /// A link or a token that is told once, here: nothing else knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl FormResult {
    /// With nothing to show.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), secret: None }
    }
}
