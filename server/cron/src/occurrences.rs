//! Occurrences: the due times of an expression in a time zone.
//!
//! Between two changes of the UTC offset each local time is exactly one instant. Where the clock goes forward, some
//! local times do not exist; where it goes back, some occur twice. The rule is Vixie cron's (cron(8), "Daylight Saving
//! Time and other time changes"): an interval is due whenever the clock shows its time. A fixed time is due once: at
//! the change if it is skipped, the first time if it repeats.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};

use crate::{HORIZON, expression::Expression};

/// Maximum time between a change and its repeated times: no clock ever went back by more than a day.
const LONGEST_REPEAT: SignedDuration = SignedDuration::from_hours(48);

/// Iterator over the occurrences in order; ends with the year 9999.
pub(crate) struct Occurrences<'a> {
    expression: &'a Expression,
    zone: &'a TimeZone,
    /// The present offset from UTC.
    offset: Offset,
    /// The next change of the offset, if there is one.
    change: Option<Timestamp>,
    /// The first local minute that is not searched yet; `None` past the year 9999.
    from: Option<DateTime>,
}

impl<'a> Occurrences<'a> {
    /// Starts strictly after `after`.
    pub(crate) fn after(expression: &'a Expression, zone: &'a TimeZone, after: Timestamp) -> Self {
        let offset = zone.to_offset(after);
        let mut from = minute_after(offset.to_datetime(after));
        if !expression.repeats {
            from = from.max(repeated_until(zone, after));
        }
        Self { expression, zone, offset, change: change_after(zone, after), from }
    }

    /// Moves on to the offset that begins at `change`. `due` is the next due time by the old offset. Returns whether
    /// the change skips fixed times.
    fn pass(&mut self, change: Timestamp, due: DateTime) -> bool {
        let until = self.offset.to_datetime(change);
        self.offset = self.zone.to_offset(change);
        self.change = change_after(self.zone, change);
        let since = self.offset.to_datetime(change);

        let skipped = !self.expression.repeats && due < since;
        let again = || self.expression.first_from(minute_from(since)?, until.date()).filter(|again| *again < until);
        self.from = if skipped {
            minute_after(since)
        } else if self.expression.repeats
            && let Some(again) = again()
        {
            Some(again)
        } else {
            minute_from(since).max(Some(due))
        };
        skipped
    }
}

impl Iterator for Occurrences<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            let from = self.from?;
            let due = self.expression.first_from(from, horizon(from.date()))?;
            let at = self.offset.to_timestamp(due).ok()?;
            match self.change {
                Some(change) if change <= at => {
                    if self.pass(change, due) {
                        return Some(change);
                    }
                }
                _ => {
                    self.from = minute_after(due);
                    return Some(at);
                }
            }
        }
    }
}

/// Returns the local minute up to which every time has occurred before `after`, if the clock went back shortly before.
fn repeated_until(zone: &TimeZone, after: Timestamp) -> Option<DateTime> {
    let soon_after = after.checked_add(SignedDuration::from_nanos(1)).ok()?;
    let changes = zone.preceding(soon_after).map(|change| change.timestamp());
    changes
        .take_while(|change| after.duration_since(*change) < LONGEST_REPEAT)
        .filter_map(|change| {
            let before = change.checked_sub(SignedDuration::from_nanos(1)).ok()?;
            minute_from(zone.to_offset(before).to_datetime(change))
        })
        .max()
}

/// Returns the next change of the offset.
fn change_after(zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    zone.following(after).next().map(|change| change.timestamp())
}

/// Returns the last day of a search that starts on `day`.
fn horizon(day: Date) -> Date {
    Date::new(day.year().saturating_add(HORIZON), 12, 31).unwrap_or(Date::MAX)
}

/// Rounds a time up to a whole minute.
fn minute_from(time: DateTime) -> Option<DateTime> {
    if time.second() == 0 && time.subsec_nanosecond() == 0 { Some(time) } else { minute_after(time) }
}

/// Returns the first whole minute after a time.
fn minute_after(time: DateTime) -> Option<DateTime> {
    let minute = time.date().at(time.hour(), time.minute(), 0, 0);
    minute.checked_add(SignedDuration::from_mins(1)).ok()
}
