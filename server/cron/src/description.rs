//! English description of an expression.

mod clock;
mod days;
mod list;

use crate::expression::Expression;
use days::On;

/// Maximum length of a description, characters.
const MAX_LENGTH: usize = 199;

/// Describes an expression; `None` if that would take more than [`MAX_LENGTH`] characters.
pub(crate) fn describe(expression: &Expression) -> Option<String> {
    let words = match (expression.repeats, days::on(expression)) {
        (true, On::EveryDay) => clock::every(expression),
        (true, On::EveryDayOf(months)) => format!("{} in {months}", clock::every(expression)),
        (true, On::Days(days)) => format!("{} {days}", clock::every(expression)),
        (false, On::EveryDay) => format!("every day {}", clock::at(expression)),
        (false, On::EveryDayOf(months)) => format!("every day in {months} {}", clock::at(expression)),
        (false, On::Days(days)) => format!("{days} {}", clock::at(expression)),
    };
    let first = words.get(..1)?.to_ascii_uppercase();
    (words.len() <= MAX_LENGTH).then(|| format!("{first}{}", &words[1..]))
}
