//! Column types and type inference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Date, Month};

/// The type of a column. The word is also the type it is declared with in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ColumnType {
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers that a 64-bit float holds without loss of a digit.
    Real,
    /// `true` and `false`, kept as 1 and 0.
    Boolean,
    /// `2026-11-21`, kept as text.
    Date,
    /// `2026-11-21 06:35:00`, with or without fraction and zone, kept as text.
    Timestamp,
    /// Anything.
    Text,
}

impl ColumnType {
    /// The types other than text, most specific first.
    const SPECIFIC: [Self; 5] = [Self::Integer, Self::Real, Self::Boolean, Self::Date, Self::Timestamp];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Text => "text",
        }
    }

    /// The type for a declared type name; text for unknown names.
    pub(crate) fn from_declared(word: &str) -> Self {
        Self::SPECIFIC.into_iter().find(|narrow| narrow.as_str().eq_ignore_ascii_case(word)).unwrap_or(Self::Text)
    }

    /// Converts a field; `None` if it does not have this type. An empty field is null, except as text.
    pub(super) fn value(self, field: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::Text(field.to_owned())),
            _ if field.is_empty() => Some(Value::Null),
            Self::Integer => integer(field).map(Value::Integer),
            Self::Real => real(field).map(Value::Real),
            Self::Boolean => boolean(field).map(|yes| Value::Integer(yes.into())),
            Self::Date => date(field).then(|| Value::Text(field.to_owned())),
            Self::Timestamp => timestamp(field).then(|| Value::Text(field.to_owned())),
        }
    }

    fn takes(self, field: &str) -> bool {
        match self {
            Self::Integer => integer(field).is_some(),
            Self::Real => real(field).is_some(),
            Self::Boolean => boolean(field).is_some(),
            Self::Date => date(field),
            Self::Timestamp => timestamp(field),
            Self::Text => true,
        }
    }

    /// Whether a field has a more specific type than text, which is rare in a header.
    pub(super) fn is_typed(field: &str) -> bool {
        Self::SPECIFIC.into_iter().any(|narrow| narrow.takes(field))
    }
}

/// A value to insert.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
}

/// The types that are still possible for a column.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct TypeGuess {
    possible: [bool; ColumnType::SPECIFIC.len()],
    seen: bool,
}

impl TypeGuess {
    /// Before the first field.
    pub(super) const NEW: Self = Self { possible: [true; ColumnType::SPECIFIC.len()], seen: false };

    /// Rules out types by a field. Empty fields rule out none.
    pub(super) fn observe(&mut self, field: &str) {
        if field.is_empty() {
            return;
        }
        self.seen = true;
        for (possible, narrow) in self.possible.iter_mut().zip(ColumnType::SPECIFIC) {
            *possible = *possible && narrow.takes(field);
        }
    }

    /// The most specific type of all fields.
    pub(super) fn column_type(self) -> ColumnType {
        let narrowest = self.possible.iter().zip(ColumnType::SPECIFIC).find(|(possible, _)| **possible);
        narrowest.filter(|_| self.seen).map_or(ColumnType::Text, |(_, narrow)| narrow)
    }
}

/// A canonical integer. `007` and `+1` stay text: as numbers they would not be restored unchanged.
fn integer(field: &str) -> Option<i64> {
    let digits = field.strip_prefix('-').unwrap_or(field).as_bytes();
    let plain = matches!(digits, [b'0'] | [b'1'..=b'9', ..]) && digits.iter().all(u8::is_ascii_digit);
    if plain && field != "-0" { field.parse().ok() } else { None }
}

/// A decimal number of at most 15 significant digits, which a 64-bit float always represents.
fn real(field: &str) -> Option<f64> {
    let unsigned = field.strip_prefix('-').unwrap_or(field);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits);
    let significant = mantissa.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if !plain || significant > 15 {
        return None;
    }
    field.parse().ok().filter(|number: &f64| number.is_finite())
}

fn boolean(field: &str) -> Option<bool> {
    match field {
        _ if field.eq_ignore_ascii_case("true") => Some(true),
        _ if field.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// `YYYY-MM-DD`, an existing day.
fn date(field: &str) -> bool {
    let bytes = field.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (number(&bytes[..4]), number(&bytes[5..7]), number(&bytes[8..])) else {
        return false;
    };
    let month = u8::try_from(month).ok().and_then(|month| Month::try_from(month).ok());
    month.is_some_and(|month| Date::from_calendar_date(i32::from(year), month, day as u8).is_ok())
}

/// A date, `T` or a space, a time of day, then `Z`, `+HH:MM`, `-HH:MM` or nothing.
fn timestamp(field: &str) -> bool {
    let Some((day, rest)) = field.split_at_checked(10) else { return false };
    let Some(rest) = rest.strip_prefix(['T', ' ']) else { return false };
    let clock = match rest.strip_suffix('Z') {
        Some(clock) => clock,
        None => match rest.find(['+', '-']) {
            Some(at) if time_of_day(&rest[at + 1..], false) => &rest[..at],
            Some(_) => return false,
            None => rest,
        },
    };
    date(day) && time_of_day(clock, true)
}

/// `HH:MM`; with `seconds` also `HH:MM:SS` and `HH:MM:SS.fff`.
fn time_of_day(text: &str, seconds: bool) -> bool {
    let mut parts = text.split(':');
    let below = |part: Option<&str>, limit: u16| {
        part.is_some_and(|part| part.len() == 2 && number(part.as_bytes()).is_some_and(|n| n < limit))
    };
    if !below(parts.next(), 24) || !below(parts.next(), 60) {
        return false;
    }
    let Some(last) = parts.next() else { return true };
    let (whole, fraction) = last.split_once('.').unwrap_or((last, "0"));
    let fraction = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    seconds && below(Some(whole), 60) && fraction && parts.next().is_none()
}

fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |n, digit| {
        let value = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        n.checked_mul(10)?.checked_add(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(fields: &[&str]) -> ColumnType {
        let mut guess = TypeGuess::NEW;
        for field in fields {
            guess.observe(field);
        }
        guess.column_type()
    }

    #[test]
    fn narrowest_type_of_all_fields_is_inferred() {
        assert_eq!(guess(&["1", "-2", "", "9223372036854775807"]), ColumnType::Integer);
        assert_eq!(guess(&["1", "2.5", "-3e8", "0.001"]), ColumnType::Real);
        assert_eq!(guess(&["true", "FALSE"]), ColumnType::Boolean);
        assert_eq!(guess(&["2024-02-29", "1999-12-31"]), ColumnType::Date);
        assert_eq!(guess(&["2024-02-29 10:00", "1999-12-31T23:59:59.25+02:00"]), ColumnType::Timestamp);
        assert_eq!(guess(&["", ""]), ColumnType::Text);
        assert_eq!(guess(&["1", "x"]), ColumnType::Text);
    }

    #[test]
    fn lossy_value_stays_text() {
        let fields = "007|+1|9223372036854775808|1.|.5|NaN|inf|0x10|1e999| 1|1_000|0.1234567890123456|2023-02-29|2024-1-1|\
                      2024-13-01|2024-01-01 25:00|2024-01-01 1:00|2024-01-01 10:00+1|1é";
        for field in fields.split('|') {
            assert_eq!(guess(&[field]), ColumnType::Text, "{field}");
        }
    }

    #[test]
    fn empty_field_is_null_except_as_text() {
        for narrow in ColumnType::SPECIFIC {
            assert_eq!(narrow.value(""), Some(Value::Null));
            assert_eq!(narrow.value("x"), None);
        }
        assert_eq!(ColumnType::Text.value(""), Some(Value::Text(String::new())));
        assert_eq!(ColumnType::Boolean.value("True"), Some(Value::Integer(1)));
    }
}
