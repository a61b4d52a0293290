//! Parses the cron expression and time zone of a schedule.

use cron::{Cron, Field};
use model::FieldError;

use crate::{Error, Result};

/// The names of a plan's own fields, by which its faults are told. No field of an input can be called so.
pub mod field {
    /// What users call it.
    pub const NAME: &str = "$name";
    /// The cron expression.
    pub const EXPRESSION: &str = "$expression";
    /// Its time zone.
    pub const ZONE: &str = "$zone";
    /// How many missed runs are made up for.
    pub const MOST: &str = "$most";
}

/// When a schedule is due.
///
/// # Errors
/// `Error::InvalidInput` for what cannot be read, under the names of [`field`].
pub fn parse_cron(expression: &str, zone: &str) -> Result<Cron> {
    Cron::parse(expression, zone).map_err(|fault| {
        let field = match fault.field {
            Field::Expression => field::EXPRESSION,
            Field::Zone => field::ZONE,
        };
        Error::InvalidInput(vec![FieldError { field: field.to_owned(), message: fault.message }])
    })
}
