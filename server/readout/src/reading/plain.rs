//! What needs no program of its own: percentages, numbers, `n/m`, and the bar of a terminal.

use crate::{
    Measure, Progress, Stream,
    convention::Heard,
    line::Text,
    reading::{percentage, share},
};

/// Numbers in a row after which [`Convention::Auto`](crate::Convention::Auto) takes them for progress.
const IN_A_ROW: u32 = 3;

/// `NN%`. Alone in a line it is meant for programs. Elsewhere it counts only where it was promised.
pub(crate) fn percent(text: Text<'_>, alone_only: bool) -> Option<Heard> {
    if let Some(percent) = percentage(text.line.trim()) {
        return Some(Heard::only(Progress::percent(percent)));
    }
    if alone_only {
        return None;
    }
    Some(Heard::beside(last_percentage(text.line)?))
}

/// A percentage in a line that is written over: most likely a bar, but nobody promised.
pub(crate) fn guess(text: Text<'_>) -> Option<Heard> {
    let found = last_percentage(text.line).filter(|_| text.rewritten)?;
    Some(Heard::beside(Progress { guessed: true, ..found }))
}

/// The last percentage of the line: also one that stands close to other characters, as in `[####]37%`.
fn last_percentage(text: &str) -> Option<Progress> {
    text.rmatch_indices('%').find_map(|(at, _)| {
        let before = &text[..at];
        let number = &before[before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len()..];
        share(number).map(Progress::percent)
    })
}

/// Numbers alone in their lines.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    in_a_row: u32,
    last: f64,
}

impl Numbers {
    /// A number from 0 to 100 that stands alone in its line. Where nobody promised, it must stand on the standard error, where
    /// `pv -n` writes it, and be the third of a row that does not fall.
    pub(crate) fn read(&mut self, stream: Stream, text: Text<'_>, unsure: bool) -> Option<Heard> {
        let number = share(text.line.trim());
        if !unsure {
            return number.map(|number| Heard::only(Progress::percent(number)));
        }
        if stream == Stream::Out || !text.last {
            return None;
        }
        let Some(number) = number.filter(|number| *number >= self.last) else {
            *self = Self::default();
            return None;
        };
        self.in_a_row += 1;
        self.last = number;
        (self.in_a_row >= IN_A_ROW).then(|| Heard::only(Progress::percent(number)))
    }
}

/// The first `n/m` that is no part of a path or a date, as in `[3/10] Building`; what stands behind it is said.
pub(crate) fn fraction(text: &str) -> Option<Heard> {
    text.match_indices('/').find_map(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let digits = |character: char| character.is_ascii_digit();
        let value = &before[before.trim_end_matches(digits).len()..];
        let max = &after[..after.len() - after.trim_start_matches(digits).len()];
        let outside =
            |character: Option<char>| !character.is_some_and(|it| it.is_alphanumeric() || "/.-_".contains(it));
        let (left, right) = (before.trim_end_matches(digits), after.trim_start_matches(digits));
        // A comma between digits is part of a number.
        let grouped = left.strip_suffix(',').is_some_and(|it| it.ends_with(digits))
            || right.strip_prefix(',').is_some_and(|it| it.starts_with(digits));
        let apart = !grouped && outside(left.chars().next_back()) && outside(right.chars().next());
        let (value, max): (u64, u64) = (value.parse().ok()?, max.parse().ok()?);
        if !apart || max == 0 || value > max {
            return None;
        }
        let behind = right.trim_start_matches([']', ')', ':']).trim();
        let measure = Some(Measure::Count { value, max: Some(max), unit: String::new() });
        Some(Heard::beside(Progress { measure, ..Progress::default() }.saying(behind)))
    })
}

/// OSC 9;4, after `ConEmu`: <https://conemu.github.io/en/AnsiEscapeCodes.html#ConEmu_specific_OSC>.
pub(crate) fn bar(state: u8, percent: Option<u8>) -> Option<Progress> {
    let percent = percent.filter(|percent| *percent <= 100)?;
    matches!(state, 1 | 2 | 4).then(|| Progress::percent(percent.into()))
}
