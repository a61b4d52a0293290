//! When something recurs: a cron expression in a time zone.
//!
//! Pure: it reads no clock, and its time zones are compiled in. The rules, for people, are in `docs/schedules.md`,
//! "When a schedule is due".
//!
//! | file | what it holds |
//! |---|---|
//! | `expression` | the five fields, and the shorthands for them |
//! | `field` | one field: its values, and how they are written |
//! | `values` | a set of small numbers |
//! | `calendar` | on which days, at which times of the day |
//! | `moments` | which moments these are, where clocks are put forward and back |
//! | `words` | what an expression says |
//! | `zones` | the names of time zones |

mod calendar;
mod expression;
mod field;
mod moments;
mod values;
mod words;
mod zones;

use jiff::{Timestamp, tz::TimeZone};
use model::Micros;

use expression::Expression;
use moments::Moments;
pub use zones::zones;

/// The longest expression, bytes.
pub const LONGEST: usize = 100;

/// How far a search looks, years. Whatever happens at all happens within: the rarest is a 29 February that is a Monday, or
/// any one weekday, which comes after 40 years at most.
pub const HORIZON: i16 = 41;

/// A cron expression in a time zone.
///
/// Five fields say when it is due: minute, hour, day of the month, month and weekday.
///
/// ```
/// use recurrence::Recurrence;
///
/// let nightly = Recurrence::parse("0 2 * * MON-FRI", "Europe/Berlin")?;
/// assert_eq!(nightly.in_words(), "On weekdays at 02:00");
/// # Ok::<(), recurrence::Fault>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Recurrence {
    written: String,
    zone_name: String,
    expression: Expression,
    zone: TimeZone,
}

impl Recurrence {
    /// Reads `expression`, and finds the time zone `zone` by its IANA name, whatever its case.
    ///
    /// # Errors
    /// Which of the two will not do, and what would. An expression is refused also if it never happens, such as on 30 February.
    pub fn parse(expression: &str, zone: &str) -> Result<Self, Fault> {
        let fault = |message| Fault { field: Field::Expression, message };
        let written = expression::tidy(expression).map_err(fault)?;
        let expression = expression::parse(&written).map_err(fault)?;
        let (zone_name, zone) = zones::find(zone).map_err(|message| Fault { field: Field::Zone, message })?;
        Ok(Self { written, zone_name, expression, zone })
    }

    /// The expression as it was given, without needless blanks.
    pub fn expression(&self) -> &str {
        &self.written
    }

    /// The IANA name of the time zone, as it is spelled there.
    pub fn zone(&self) -> &str {
        &self.zone_name
    }

    /// When it is due next, strictly after `after`: `None` only where calendars end, in the year 9999.
    pub fn next_after(&self, after: Micros) -> Option<Micros> {
        self.moments(after).next()
    }

    /// The next `count` times that it is due, strictly after `after` and in order; fewer only where calendars end.
    pub fn upcoming(&self, after: Micros, count: usize) -> Vec<Micros> {
        self.moments(after).take(count).collect()
    }

    /// What the expression says, in less than 200 characters: "On weekdays at 02:00". *Every* tells of what runs by elapsed
    /// time, *at* of fixed times of the day.
    pub fn in_words(&self) -> String {
        words::describe(&self.expression).unwrap_or_else(|| format!("As the expression says: {}", self.written))
    }

    fn moments(&self, after: Micros) -> impl Iterator<Item = Micros> {
        let after = Timestamp::from_microsecond(after.0).ok();
        let moments = after.map(|after| Moments::after(&self.expression, &self.zone, after));
        moments.into_iter().flatten().map(|at| Micros(at.as_microsecond()))
    }
}

/// What will not do, and what would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Where it was written.
    pub field: Field,
    /// A sentence for people: what is wrong, where, and what to write instead.
    pub message: String,
}

/// What a [`Recurrence`] is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The cron expression.
    Expression,
    /// The time zone.
    Zone,
}
