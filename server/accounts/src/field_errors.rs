//! Field errors: validation errors of single form fields.

use engine::Error;
use model::FieldError;

pub(crate) fn field_error(field: &str, message: impl Into<String>) -> FieldError {
    FieldError { field: field.to_owned(), message: message.into() }
}

/// `InvalidInput` with one field error.
pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Error {
    Error::InvalidInput(vec![field_error(field, message)])
}

/// Turns the store's `name_taken` into an error of `field`.
pub(crate) fn name_taken(field: &'static str) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Refused { code: "name_taken", message } => invalid_field(field, message),
        error => error,
    }
}

/// Fails with all of `errors`, if there are any.
pub(crate) fn reject_any(errors: Vec<FieldError>) -> engine::Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(Error::InvalidInput(errors)) }
}
