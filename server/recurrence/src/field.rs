//! One field of an expression: its values, and how they are written.
//!
//! `*`, `5`, `MON`, `1-5`, `*/15`, `8-18/2`, and lists of these between commas. What only days have (`L`, `W`, `#`) is in
//! `expression`.

use crate::values::Values;

/// What may stand in a field.
pub(crate) struct Kind {
    name: &'static str,
    lowest: u8,
    highest: u8,
    /// Names of the values, from the lowest on.
    names: &'static [&'static str],
    /// It goes round: 7 is 0 again, Sunday.
    week: bool,
    /// What may stand there, for people.
    choice: &'static str,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const NUMBER: Kind = Kind { name: "", lowest: 0, highest: 0, names: &[], week: false, choice: "" };
pub(crate) const MINUTE: Kind = Kind { name: "minute", highest: 59, choice: "0 to 59", ..NUMBER };
pub(crate) const HOUR: Kind = Kind { name: "hour", highest: 23, choice: "0 to 23", ..NUMBER };
pub(crate) const DAY: Kind = Kind { name: "day", lowest: 1, highest: 31, choice: "1 to 31, or L", ..NUMBER };
pub(crate) const MONTH: Kind =
    Kind { name: "month", lowest: 1, highest: 12, names: &MONTHS, choice: "1 to 12, or JAN to DEC", ..NUMBER };
pub(crate) const WEEKDAY: Kind =
    Kind { name: "weekday", highest: 6, names: &WEEKDAYS, week: true, choice: "0 to 6, or SUN to SAT", ..NUMBER };

/// What a field says in plain values.
pub(crate) struct Plain {
    pub(crate) values: Values,
    /// It is `*`.
    pub(crate) star: bool,
    /// Its values come back at regular distances (`*`, a step) rather than being named one by one.
    pub(crate) repeats: bool,
}

impl Kind {
    /// Reads a field in lower case. `special` takes the items that are no plain values, and says whether it did.
    pub(crate) fn read(
        &self,
        text: &str,
        mut special: impl FnMut(&str) -> Result<bool, String>,
    ) -> Result<Plain, String> {
        let star = text == "*";
        let mut values = Values::default();
        for item in text.split(',') {
            if item.is_empty() {
                return Err(self.fault("there is a comma with nothing beside it; take it away"));
            }
            if item == "*" && !star {
                return Err(self.fault("* stands for all values already; write it alone"));
            }
            if !special(item)? {
                self.span(item)?.for_each(|value| values.insert(value));
            }
        }
        let whole = (self.lowest..=self.highest).all(|value| values.contains(value));
        Ok(Plain { values, star, repeats: whole || text.contains('/') && values.len() > 1 })
    }

    /// The values of one item, such as `5`, `mon-fri` or `*/15`.
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
                return Err(self.fault(&format!("{item} has a step but no range; write {instead}")));
            }
            (value, value)
        };
        let step = step.map_or(Ok(1), |step| self.step(step))?;
        let round = if self.week { 7 } else { u8::MAX };
        Ok((first..=last).step_by(step).map(move |value| value % round))
    }

    fn range(&self, first: &str, last: &str) -> Result<(u8, u8), String> {
        if last.contains('-') {
            return Err(self.fault(&format!("{first}-{last} is no range; write its first and its last value only")));
        }
        let (from, mut to) = (self.value(first)?, self.value(last)?);
        if self.week && to == 0 && first != last {
            to = 7; // Sunday ends a week as well as it begins one.
        }
        if from <= to {
            return Ok((from, to));
        }
        let (lowest, highest, first, last) = (self.lowest, self.highest, first.to_uppercase(), last.to_uppercase());
        Err(self.fault(&format!(
            "the range {first}-{last} runs backwards; write {first}-{highest},{lowest}-{last} where it is to go round"
        )))
    }

    fn step(&self, text: &str) -> Result<usize, String> {
        let longest = self.highest - self.lowest;
        let step = number(text).filter(|step| (1..=longest).contains(step));
        step.map(usize::from)
            .ok_or_else(|| self.fault(&format!("the step /{text} will not do; write /1 to /{longest}")))
    }

    /// One value: a number, or a name where there are names.
    pub(crate) fn value(&self, text: &str) -> Result<u8, String> {
        let named = self.names.iter().position(|name| *name == text).map(|place| place as u8 + self.lowest);
        let counted = || number(text).map(|value| if self.week && value == 7 { 0 } else { value });
        let value = named.or_else(counted).filter(|value| (self.lowest..=self.highest).contains(value));
        value.ok_or_else(|| match text {
            "" => self.fault(&format!("a value is missing; write {}", self.choice)),
            text => self.fault(&format!("{} will not do; write {}", text.to_uppercase(), self.choice)),
        })
    }

    /// A sentence about this field.
    pub(crate) fn fault(&self, what: &str) -> String {
        format!("In the {} field {what}.", self.name)
    }
}

/// A number below 256, in ASCII digits alone.
pub(crate) fn number(text: &str) -> Option<u8> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}
