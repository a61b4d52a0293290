//! Parser of one field of an expression.
//!
//! A field is `*`, `5`, `MON`, `1-5`, `*/15`, `8-18/2`, or a list of these separated by commas. `expression` parses the
//! forms that only day fields have (`L`, `W`, `#`).

use crate::values::Values;

/// The name and the allowed values of a field.
pub(crate) struct FieldKind {
    name: &'static str,
    lowest: u8,
    highest: u8,
    /// Names of the values, starting with the lowest.
    names: &'static [&'static str],
    /// Whether 7 means 0, Sunday.
    week: bool,
    /// The allowed values, for error messages.
    choice: &'static str,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const NUMBER: FieldKind = FieldKind { name: "", lowest: 0, highest: 0, names: &[], week: false, choice: "" };
pub(crate) const MINUTE: FieldKind = FieldKind { name: "minute", highest: 59, choice: "0 to 59", ..NUMBER };
pub(crate) const HOUR: FieldKind = FieldKind { name: "hour", highest: 23, choice: "0 to 23", ..NUMBER };
pub(crate) const DAY: FieldKind = FieldKind { name: "day", lowest: 1, highest: 31, choice: "1 to 31, or L", ..NUMBER };
pub(crate) const MONTH: FieldKind =
    FieldKind { name: "month", lowest: 1, highest: 12, names: &MONTHS, choice: "1 to 12, or JAN to DEC", ..NUMBER };
pub(crate) const WEEKDAY: FieldKind =
    FieldKind { name: "weekday", highest: 6, names: &WEEKDAYS, week: true, choice: "0 to 6, or SUN to SAT", ..NUMBER };

/// The plain values of a field.
pub(crate) struct Plain {
    pub(crate) values: Values,
    /// Whether the field is `*`.
    pub(crate) star: bool,
    /// Whether the values recur at an interval (`*` or a step), in contrast to fixed values.
    pub(crate) repeats: bool,
}

impl FieldKind {
    /// Parses a field in lower case. `special` parses the items that are not plain values, and returns whether it did.
    pub(crate) fn parse(
        &self,
        text: &str,
        mut special: impl FnMut(&str) -> Result<bool, String>,
    ) -> Result<Plain, String> {
        let star = text == "*";
        let mut values = Values::default();
        for item in text.split(',') {
            if item.is_empty() {
                return Err(self.error("there is a comma without a value beside it; remove it"));
            }
            if item == "*" && !star {
                return Err(self.error("* already means all values; write it alone"));
            }
            if !special(item)? {
                self.span(item)?.for_each(|value| values.insert(value));
            }
        }
        let whole = (self.lowest..=self.highest).all(|value| values.contains(value));
        Ok(Plain { values, star, repeats: whole || text.contains('/') && values.len() > 1 })
    }

    /// Parses one item, such as `5`, `mon-fri` or `*/15`.
    fn span(&self, item: &str) -> Result<impl Iterator<Item = u8> + use<>, String> {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (first, last) = if range == "*" {
            (self.lowest, self.highest)
        } else if let Some((first, last)) = range.split_once('-') {
            self.range(first, last)?
        } else {
            let value = self.value(range)?;
            if let Some(step) = step {
                let instead = format!("{}-{}/{step}", range, self.highest);
                return Err(self.error(&format!("{item} has a step but no range; write {instead}")));
            }
            (value, value)
        };
        let step = step.map_or(Ok(1), |step| self.step(step))?;
        let round = if self.week { 7 } else { u8::MAX };
        Ok((first..=last).step_by(step).map(move |value| value % round))
    }

    fn range(&self, first: &str, last: &str) -> Result<(u8, u8), String> {
        if last.contains('-') {
            return Err(self.error(&format!("{first}-{last} is not a range; write its first and its last value only")));
        }
        let (from, mut to) = (self.value(first)?, self.value(last)?);
        if self.week && to == 0 && first != last {
            to = 7; // Sunday may end a range as well as begin one.
        }
        if from <= to {
            return Ok((from, to));
        }
        let (lowest, highest, first, last) = (self.lowest, self.highest, first.to_uppercase(), last.to_uppercase());
        Err(self.error(&format!(
            "the range {first}-{last} runs backwards; write {first}-{highest},{lowest}-{last} if it is meant to wrap around"
        )))
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        let longest = self.highest - self.lowest;
        let step = number(text).filter(|step| (1..=longest).contains(step));
        step.map(usize::from)
            .ok_or_else(|| self.error(&format!("the step /{text} is not allowed; write /1 to /{longest}")))
    }

    /// Parses one value: a number, or a name if the field has names.
    pub(crate) fn value(&self, text: &str) -> Result<u8, String> {
        let named = self.names.iter().position(|name| *name == text).map(|place| place as u8 + self.lowest);
        let counted = || number(text).map(|value| if self.week && value == 7 { 0 } else { value });
        let value = named.or_else(counted).filter(|value| (self.lowest..=self.highest).contains(value));
        value.ok_or_else(|| match text {
            "" => self.error(&format!("a value is missing; write {}", self.choice)),
            text => self.error(&format!("{} is not allowed; write {}", text.to_uppercase(), self.choice)),
        })
    }

    /// Returns an error message that names this field.
    pub(crate) fn error(&self, what: &str) -> String {
        format!("In the {} field {what}.", self.name)
    }
}

/// Parses a number below 256 that consists of ASCII digits.
pub(crate) fn number(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
