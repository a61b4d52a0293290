//! The moments at which an expression is due in a time zone.
//!
//! The clock of a zone runs evenly through *stretches*, and is changed between them. Within a stretch each time on the clock
//! is one moment. Where the clock is put forward, some times do not exist; where it is put back, some come twice. Then
//! Vixie cron's rule holds (cron(8), "Daylight Saving Time and other time changes"). What runs by elapsed time is due
//! whenever the clock shows its time. Fixed times are due once: those that the clock leaves out, at the change; those that
//! it shows twice, the first time.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
    tz::{Offset, TimeZone},
};

use crate::{HORIZON, expression::Expression};

/// How long ago a change may be whose repeated times still come: no clock was ever put back by more than a day.
const LONGEST_REPEAT: SignedDuration = SignedDuration::from_hours(48);

/// The moments, in order, without end but that of calendars.
pub(crate) struct Moments<'a> {
    expression: &'a Expression,
    zone: &'a TimeZone,
    /// How far the clock is ahead of UTC in this stretch.
    offset: Offset,
    /// Where the next stretch begins, unless this is the last.
    end: Option<Timestamp>,
    /// The whole minute on the clock from which on it may be due; none where calendars end.
    from: Option<DateTime>,
}

impl<'a> Moments<'a> {
    /// The moments strictly after `after`.
    pub(crate) fn after(expression: &'a Expression, zone: &'a TimeZone, after: Timestamp) -> Self {
        let offset = zone.to_offset(after);
        let mut from = minute_after(offset.to_datetime(after));
        if !expression.repeats {
            from = from.max(shown_until(zone, after));
        }
        Self { expression, zone, offset, end: change_after(zone, after), from }
    }

    /// Goes on to the stretch that begins at `change`. `due` is the next time of the expression on a clock that would not be
    /// changed. Tells whether the change leaves out fixed times.
    fn pass(&mut self, change: Timestamp, due: DateTime) -> bool {
        let until = self.offset.to_datetime(change);
        self.offset = self.zone.to_offset(change);
        self.end = change_after(self.zone, change);
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

impl Iterator for Moments<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        loop {
            let from = self.from?;
            let due = self.expression.first_from(from, horizon(from.date()))?;
            let at = self.offset.to_timestamp(due).ok()?;
            match self.end {
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

/// The minute before which the clock has shown everything once by `after`, where it was put back not long before.
fn shown_until(zone: &TimeZone, after: Timestamp) -> Option<DateTime> {
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

/// The next change of a clock.
fn change_after(zone: &TimeZone, after: Timestamp) -> Option<Timestamp> {
    zone.following(after).next().map(|change| change.timestamp())
}

/// The last day that is searched from `day` on.
fn horizon(day: Date) -> Date {
    Date::new(day.year().saturating_add(HORIZON), 12, 31).unwrap_or(Date::MAX)
}

/// The first whole minute from a time on.
fn minute_from(time: DateTime) -> Option<DateTime> {
    if time.second() == 0 && time.subsec_nanosecond() == 0 { Some(time) } else { minute_after(time) }
}

/// The first whole minute after a time.
fn minute_after(time: DateTime) -> Option<DateTime> {
    let minute = time.date().at(time.hour(), time.minute(), 0, 0);
    minute.checked_add(SignedDuration::from_mins(1)).ok()
}
