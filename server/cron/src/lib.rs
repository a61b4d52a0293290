//! Cron expressions in time zones: parsing, due times and a description in English.
//!
//! Pure: the crate reads no clock, and its time zones are compiled in. `docs/schedules.md` has the rules for users.
//!
//! | module | content |
//! |---|---|
//! | `expression` | parser of the five fields and of the shorthands |
//! | `field` | parser of one field |
//! | `values` | bit set of small numbers |
//! | `calendar` | due days and due times of the day |
//! | `occurrences` | due times in a time zone, daylight saving time included |
//! | `description` | English description of an expression |
//! | `time_zones` | time zone names |

mod calendar;
mod description;
mod expression;
mod field;
mod occurrences;
mod time_zones;
mod values;

use jiff::{Timestamp, tz::TimeZone};
use model::Micros;

use expression::Expression;
use occurrences::Occurrences;
pub use time_zones::zones;

/// Maximum length of an expression, bytes.
pub const MAX_LENGTH: usize = 100;

/// Range of a search, years. The rarest day is a 29 February on a given weekday: it recurs within 40 years.
pub const HORIZON: i16 = 41;

/// A cron expression in a time zone.
///
/// The five fields are minute, hour, day of the month, month and weekday.
///
/// ```
/// use cron::Cron;
///
/// let nightly = Cron::parse("0 2 * * MON-FRI", "Europe/Berlin")?;
/// assert_eq!(nightly.in_words(), "On weekdays at 02:00");
/// # Ok::<(), cron::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    written: String,
    zone_name: String,
    expression: Expression,
    zone: TimeZone,
}

impl Cron {
    /// Parses `expression` and finds the time zone `zone` by its IANA name; case does not matter.
    ///
    /// # Errors
    /// [`ParseError`] if one of the two is invalid, or if the expression is never due, such as on 30 February.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, ParseError> {
        let error = |message| ParseError { field: Field::Expression, message };
        let written = expression::normalize(expression).map_err(error)?;
        let expression = expression::parse(&written).map_err(error)?;
        let (zone_name, zone) = time_zones::find(zone).map_err(|message| ParseError { field: Field::Zone, message })?;
        Ok(Self { written, zone_name, expression, zone })
    }

    /// Returns the expression as given, with single spaces between the fields.
    pub fn expression(&self) -> &str {
        &self.written
    }

    /// Returns the IANA name of the time zone in its official spelling.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// Returns the first due time strictly after `after`; `None` only past the year 9999.
    pub fn next_after(&self, after: Micros) -> Option<Micros> {
        self.occurrences(after).next()
    }

    /// Returns the next `count` due times strictly after `after`, in order; fewer only at the end of the year 9999.
    pub fn upcoming(&self, after: Micros, count: usize) -> Vec<Micros> {
        self.occurrences(after).take(count).collect()
    }

    /// Describes the expression in less than 200 characters, such as "On weekdays at 02:00". *Every* marks an interval,
    /// *at* fixed times of the day.
    pub fn in_words(&self) -> String {
        description::describe(&self.expression).unwrap_or_else(|| format!("As the expression says: {}", self.written))
    }

    fn occurrences(&self, after: Micros) -> impl Iterator<Item = Micros> {
        let after = Timestamp::from_microsecond(after.0).ok();
        let occurrences = after.map(|after| Occurrences::after(&self.expression, &self.zone, after));
        occurrences.into_iter().flatten().map(|at| Micros(at.as_microsecond()))
    }
}

/// An invalid cron expression or time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The invalid part.
    pub field: Field,
    /// A sentence for users: the problem, its place and the correction.
    pub message: String,
}

/// The parts of a [`Cron`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The cron expression.
    Expression,
    /// The time zone.
    Zone,
}
