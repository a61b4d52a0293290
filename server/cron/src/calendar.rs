//! Calendar search: due days, and due times of the day.

use jiff::civil::{Date, DateTime, Time, Weekday};

use crate::expression::{Days, Expression, Weekdays};

impl Expression {
    /// Returns the first due local time from the whole minute `from` up to the end of the day `until`.
    pub(crate) fn first_from(&self, from: DateTime, until: Date) -> Option<DateTime> {
        let mut day = from.date();
        if day <= until
            && self.is_on(day)
            && let Some(time) = self.time_from(from.time())
        {
            return Some(day.to_datetime(time));
        }
        day = day.tomorrow().ok()?;
        while day <= until {
            if !self.months.contains(day.month() as u8) {
                day = day.last_of_month().tomorrow().ok()?;
            } else if self.is_on(day) {
                return Some(day.to_datetime(self.time_from(Time::midnight())?));
            } else {
                day = day.tomorrow().ok()?;
            }
        }
        None
    }

    /// Returns whether a day is due. If both a day of the month and a weekday are given, either matches.
    fn is_on(&self, day: Date) -> bool {
        self.months.contains(day.month() as u8)
            && match (&self.days, &self.weekdays) {
                (None, None) => true,
                (Some(days), None) => days.contain(day),
                (None, Some(weekdays)) => weekdays.contain(day),
                (Some(days), Some(weekdays)) => days.contain(day) || weekdays.contain(day),
            }
    }

    /// Returns the first due time of the day from the whole minute `from`.
    fn time_from(&self, from: Time) -> Option<Time> {
        let hour = from.hour() as u8;
        if self.hours.contains(hour)
            && let Some(minute) = self.minutes.first_from(from.minute() as u8)
        {
            return Some(Time::constant(hour as i8, minute as i8, 0, 0));
        }
        let hour = self.hours.first_from(hour + 1)?;
        Some(Time::constant(hour as i8, self.minutes.first_from(0)? as i8, 0, 0))
    }
}

impl Days {
    fn contain(&self, day: Date) -> bool {
        self.plain.contains(day.day() as u8)
            || self.last && day.day() == day.days_in_month()
            || self.last_weekday && day == weekday_nearest_to(day.last_of_month())
            || !self.nearest.is_empty() && self.is_nearest(day)
    }

    /// Returns whether `day` is the weekday nearest to one of the days, which is at most two days away.
    fn is_nearest(&self, day: Date) -> bool {
        let around = (day.day() - 2).max(1)..=(day.day() + 2).min(day.days_in_month());
        around
            .filter(|other| self.nearest.contains(*other as u8))
            .any(|other| day.with().day(other).build().is_ok_and(|other| weekday_nearest_to(other) == day))
    }
}

impl Weekdays {
    fn contain(&self, day: Date) -> bool {
        let weekday = day.weekday().to_sunday_zero_offset() as u8;
        self.plain.contains(weekday)
            || self.nth[(day.day() as usize - 1) / 7].contains(weekday)
            || self.last.contains(weekday) && day.day() + 7 > day.days_in_month()
    }
}

/// Returns the day from Monday to Friday that is nearest to `day` within its month.
fn weekday_nearest_to(day: Date) -> Date {
    let days = match day.weekday() {
        Weekday::Saturday if day.day() == 1 => 2,
        Weekday::Saturday => -1,
        Weekday::Sunday if day.day() == day.days_in_month() => -2,
        Weekday::Sunday => 1,
        _ => 0,
    };
    day.with().day(day.day() + days).build().unwrap_or(day)
}
