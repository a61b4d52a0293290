//! Parser of cron expressions.

use jiff::civil::date;

use crate::{
    HORIZON, MAX_LENGTH,
    field::{DAY, HOUR, MINUTE, MONTH, WEEKDAY, number},
    values::Values,
};

/// A parsed cron expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub(crate) minutes: Values,
    pub(crate) hours: Values,
    /// Whether minute or hour recur at an interval. Otherwise they are fixed times of the day.
    pub(crate) repeats: bool,
    /// The days of the month; `None` for `*`.
    pub(crate) days: Option<Days>,
    pub(crate) months: Values,
    /// The weekdays; `None` for `*`.
    pub(crate) weekdays: Option<Weekdays>,
}

/// The day-of-month field.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Days {
    pub(crate) plain: Values,
    /// `15W`: the weekdays, Monday to Friday, that are nearest to these days within their month.
    pub(crate) nearest: Values,
    /// `L`: the last day of the month.
    pub(crate) last: bool,
    /// `LW`: the last weekday of the month.
    pub(crate) last_weekday: bool,
}

/// The weekday field: 0 is Sunday, 6 is Saturday.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Weekdays {
    pub(crate) plain: Values,
    /// `FRI#2`: those that are the first, second … fifth of their month.
    pub(crate) nth: [Values; 5],
    /// `FRIL`: those that are the last of their month.
    pub(crate) last: Values,
}

const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Returns the expression with single spaces between the fields.
///
/// # Errors
/// A message for the user, if the expression is longer than [`MAX_LENGTH`].
pub(crate) fn normalize(given: &str) -> Result<String, String> {
    let given = given.trim_ascii();
    if given.len() > MAX_LENGTH {
        return Err(format!(
            "An expression has at most {MAX_LENGTH} bytes; this one has {}. Shorten it, or use several schedules.",
            given.len()
        ));
    }
    Ok(given.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// Parses a normalized expression.
///
/// # Errors
/// A message for the user: the problem, its field and the correction.
pub(crate) fn parse(written: &str) -> Result<Expression, String> {
    if let Some(letter) = written.chars().find(|letter| !letter.is_ascii_graphic() && *letter != ' ') {
        return Err(format!(
            "An expression cannot contain {letter:?}; write digits, * , - / # L W, and names such as MON or JAN."
        ));
    }
    let lower = written.to_ascii_lowercase();
    let fields = match SHORTHANDS.iter().find(|(name, _)| *name == lower) {
        Some((_, fields)) => *fields,
        None if lower.starts_with('@') => {
            return Err(format!(
                "{written} is not known; write @hourly, @daily, @weekly, @monthly or @yearly, or five fields."
            ));
        }
        None => &lower,
    };
    let fields: Vec<&str> = fields.split(' ').filter(|field| !field.is_empty()).collect();
    let expression = match fields[..] {
        [minute, hour, day, month, weekday] => parse_fields([minute, hour, day, month, weekday])?,
        [] => {
            return Err("Write five fields: minute, hour, day of the month, month and weekday, such as 0 2 * * * \
                        for every day at 02:00."
                .to_owned());
        }
        [_, _, _, _, _, _, ..] => {
            return Err(format!(
                "These are {} fields; write five: minute, hour, day of the month, month and weekday. There is none for \
                 seconds or years: a schedule has whole minutes in every year.",
                fields.len()
            ));
        }
        _ => {
            return Err(format!(
                "These are {} of five fields; write minute, hour, day of the month, month and weekday, and * for \
                 each field that does not matter.",
                fields.len()
            ));
        }
    };
    // This period has a 29 February on each weekday.
    if expression.first_from(date(2000, 1, 1).into(), date(2000 + HORIZON, 1, 1)).is_none() {
        return Err("This never happens: none of its months has such a day. Write another day or month.".to_owned());
    }
    Ok(expression)
}

fn parse_fields([minute, hour, day, month, weekday]: [&str; 5]) -> Result<Expression, String> {
    let plain = |_: &str| Ok(false);
    let minutes = MINUTE.parse(minute, plain)?;
    let hours = HOUR.parse(hour, plain)?;
    let months = MONTH.parse(month, plain)?;

    let mut days = Days::default();
    let plain_days = DAY.parse(day, |item| days.parse(item))?;
    days.plain = plain_days.values;
    let mut weekdays = Weekdays::default();
    let plain_weekdays = WEEKDAY.parse(weekday, |item| weekdays.parse(item))?;
    weekdays.plain = plain_weekdays.values;

    Ok(Expression {
        minutes: minutes.values,
        hours: hours.values,
        repeats: minutes.repeats || hours.repeats,
        days: (!plain_days.star).then_some(days),
        months: months.values,
        weekdays: (!plain_weekdays.star).then_some(weekdays),
    })
}

impl Days {
    /// Parses `l`, `lw` and `15w`; returns whether `item` was one of them.
    fn parse(&mut self, item: &str) -> Result<bool, String> {
        match item {
            "l" => self.last = true,
            "lw" => self.last_weekday = true,
            _ => match item.strip_suffix('w') {
                Some(day) => self.nearest.insert(DAY.value(day)?),
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}

impl Weekdays {
    /// Parses `fri#2` and `fril`; returns whether `item` was one of them.
    fn parse(&mut self, item: &str) -> Result<bool, String> {
        if let Some((day, nth)) = item.split_once('#') {
            let day = WEEKDAY.value(day)?;
            let place = number(nth).filter(|nth| (1..=5).contains(nth)).ok_or_else(|| {
                WEEKDAY.error(&format!("#{nth} is not allowed; write #1 to #5, the first to the fifth of a month"))
            })?;
            self.nth[usize::from(place) - 1].insert(day);
        } else if let Some(day) = item.strip_suffix('l') {
            if day.is_empty() {
                return Err(WEEKDAY.error("L needs a day; write FRIL for the last Friday of the month"));
            }
            self.last.insert(WEEKDAY.value(day)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}
