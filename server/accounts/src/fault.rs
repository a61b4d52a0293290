//! What is wrong with what somebody typed.

use engine::Error;
use model::FieldError;

/// One field at fault.
pub(crate) fn fault(field: &str, message: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), message: message.into() }
}

/// The error of one field at fault.
pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Error {
    Error::InvalidInput(vec![fault(field, message)])
}

/// Where the store says that a name is taken, the field that it was typed in is at fault.
pub(crate) fn name_taken(error: Error) -> Error {
    match error {
        Error::Refused { code: "name_taken", message } => invalid("name", message),
        error => error,
    }
}

/// Nothing, or all that is wrong at once.
pub(crate) fn all(faults: Vec<FieldError>) -> engine::Result<()> {
    if faults.is_empty() { Ok(()) } else { Err(Error::InvalidInput(faults)) }
}
