//! A form that comes back with its page: what was typed, and what became of it.

use leptos::prelude::use_context;

use super::{ApiError, FormResult};

/// What a browser without script has sent to a server function; a context of the page that answers it. Never kept.
#[derive(Clone, Debug)]
pub struct FormState {
    /// The server function.
    pub function: String,
    /// Names and texts, in order.
    pub entries: Vec<(String, String)>,
    /// What became of it.
    pub outcome: Result<FormResult, ApiError>,
}

impl FormState {
    /// The form of `function`, if this page answers it.
    pub(crate) fn of(function: &str) -> Option<Self> {
        use_context::<Self>().filter(|sent| sent.function == function)
    }

    /// What stood in a field.
    pub(crate) fn entry(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    /// Whether a box was ticked.
    pub(crate) fn ticked(&self, name: &str, value: &str) -> bool {
        self.entries.iter().any(|(known, text)| known == name && text == value)
    }

    /// What is wrong with a field.
    pub(crate) fn fault(&self, name: &str) -> Option<&str> {
        let faults = &self.outcome.as_ref().err()?.fields;
        faults.iter().find(|fault| fault.field == name).map(|fault| fault.message.as_str())
    }
}
