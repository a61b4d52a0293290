//! The five fields of an expression.

use jiff::civil::date;

use crate::{
    HORIZON, LONGEST,
    field::{DAY, HOUR, MINUTE, MONTH, WEEKDAY, number},
    values::Values,
};

/// What an expression says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub(crate) minutes: Values,
    pub(crate) hours: Values,
    /// Whether it runs by elapsed time, because minute or hour come back regularly. Else these are fixed times of the day.
    pub(crate) repeats: bool,
    /// The days of the month, unless that is `*`.
    pub(crate) days: Option<Days>,
    pub(crate) months: Values,
    /// The weekdays, unless that is `*`.
    pub(crate) weekdays: Option<Weekdays>,
}

/// Days of a month.
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

/// Weekdays, from Sunday, 0, to Saturday, 6.
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

/// What somebody wrote, with the fields one blank apart.
///
/// # Errors
/// A sentence that says what to write instead.
pub(crate) fn tidy(given: &str) -> Result<String, String> {
    let given = given.trim_ascii();
    if given.len() > LONGEST {
        return Err(format!(
            "An expression has at most {LONGEST} bytes; this one has {}. Say it shorter, or in several schedules.",
            given.len()
        ));
    }
    Ok(given.split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// Reads a tidy expression.
///
/// # Errors
/// A sentence: what is wrong, where, and what to write instead.
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
        [minute, hour, day, month, weekday] => read([minute, hour, day, month, weekday])?,
        [] => {
            return Err("Write five fields: minute, hour, day of the month, month and weekday, such as 0 2 * * * \
                        for every day at 02:00."
                .to_owned());
        }
        [_, _, _, _, _, _, ..] => {
            return Err(format!(
                "These are {} fields; write five: minute, hour, day of the month, month and weekday. There is none for \
                 seconds or years, because a schedule is of whole minutes in every year.",
                fields.len()
            ));
        }
        _ => {
            return Err(format!(
                "These are {} of five fields; write minute, hour, day of the month, month and weekday, and * for \
                 whichever does not matter.",
                fields.len()
            ));
        }
    };
    // In these years there is a 29 February on each weekday.
    if expression.first_from(date(2000, 1, 1).into(), date(2000 + HORIZON, 1, 1)).is_none() {
        return Err("This never happens: none of its months has such a day. Write another day or month.".to_owned());
    }
    Ok(expression)
}

fn read([minute, hour, day, month, weekday]: [&str; 5]) -> Result<Expression, String> {
    let plain = |_: &str| Ok(false);
    let minutes = MINUTE.read(minute, plain)?;
    let hours = HOUR.read(hour, plain)?;
    let months = MONTH.read(month, plain)?;

    let mut days = Days::default();
    let plain_days = DAY.read(day, |item| days.read(item))?;
    days.plain = plain_days.values;
    let mut weekdays = Weekdays::default();
    let plain_weekdays = WEEKDAY.read(weekday, |item| weekdays.read(item))?;
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
    /// Reads `l`, `lw` and `15w`; says whether it was one of them.
    fn read(&mut self, item: &str) -> Result<bool, String> {
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
    /// Reads `fri#2` and `fril`; says whether it was one of them.
    fn read(&mut self, item: &str) -> Result<bool, String> {
        if let Some((day, nth)) = item.split_once('#') {
            let day = WEEKDAY.value(day)?;
            let place = number(nth).filter(|nth| (1..=5).contains(nth)).ok_or_else(|| {
                WEEKDAY.fault(&format!("#{nth} will not do; write #1 to #5, the first to the fifth of a month"))
            })?;
            self.nth[usize::from(place) - 1].insert(day);
        } else if let Some(day) = item.strip_suffix('l') {
            if day.is_empty() {
                return Err(WEEKDAY.fault("L needs a day; write FRIL for the last Friday of the month"));
            }
            self.last.insert(WEEKDAY.value(day)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}
