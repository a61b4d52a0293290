//! Parses the cron expression and time zone of a schedule.

use cron::{Cron, Field};
use model::FieldError;

use crate::{Error, Result};

/// Names of a plan's own fields in errors. No input field can have these names.
pub mod field {
    /// The name of the schedule.
    pub const NAME: &str = "$name";
    /// The cron expression.
    pub const EXPRESSION: &str = "$expression";
    /// Its time zone.
    pub const ZONE: &str = "$zone";
    /// Number of missed runs to make up for.
    pub const MOST: &str = "$most";
}

/// Parses the times of a schedule.
///
/// # Errors
/// `Error::InvalidInput` for an expression or zone that cannot be parsed, under the names of [`field`].
pub fn parse_cron(expression: &str, zone: &str) -> Result<Cron> {
    Cron::parse(expression, zone).map_err(|fault| {
        let field = match fault.field {
            Field::Expression => field::EXPRESSION,
            Field::Zone => field::ZONE,
        };
        Error::InvalidInput(vec![FieldError { field: field.to_owned(), message: fault.message }])
    })
}
