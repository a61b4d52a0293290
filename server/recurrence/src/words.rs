//! What an expression says, in words.

mod clock;
mod days;
mod list;

use crate::expression::Expression;
use days::On;

/// The longest description, characters.
const LONGEST: usize = 199;

/// What an expression says; none if that would take too many words.
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
    (words.len() <= LONGEST).then(|| format!("{first}{}", &words[1..]))
}
