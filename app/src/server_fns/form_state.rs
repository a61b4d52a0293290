//! Form state: a submitted form that comes back with its page.

use leptos::prelude::use_context;

use super::{ApiError, FormResult};

/// What a browser without script submitted to a server function; a context of the page in the response. Never stored.
#[derive(Clone, Debug)]
pub struct FormState {
    /// The server function.
    pub function: String,
    /// Names and values, in order.
    pub entries: Vec<(String, String)>,
    pub outcome: Result<FormResult, ApiError>,
}

impl FormState {
    /// Returns the state of the form of `function`, if this page responds to it.
    pub(crate) fn of(function: &str) -> Option<Self> {
        use_context::<Self>().filter(|sent| sent.function == function)
    }

    pub(crate) fn entry(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
    }

    pub(crate) fn ticked(&self, name: &str, value: &str) -> bool {
        self.entries.iter().any(|(known, text)| known == name && text == value)
    }

    pub(crate) fn fault(&self, name: &str) -> Option<&str> {
        let faults = &self.outcome.as_ref().err()?.fields;
        faults.iter().find(|fault| fault.field == name).map(|fault| fault.message.as_str())
    }
}
