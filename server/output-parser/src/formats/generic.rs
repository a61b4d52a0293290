//! Formats of any program: percentages, numbers, `n/m`, and the progress bar of a terminal.

use crate::{
    Measure, Progress, Stream,
    format::Parsed,
    formats::{percentage, share},
    line::Text,
};

/// Number of successive numbers after which [`Format::Auto`](crate::Format::Auto) takes them for progress.
const IN_A_ROW: u32 = 3;

/// Parses `NN%`. On its own line it is not logged. Elsewhere in a line it counts only if the format is configured.
pub(crate) fn percent(text: Text<'_>, alone_only: bool) -> Option<Parsed> {
    if let Some(percent) = percentage(text.line.trim()) {
        return Some(Parsed::progress_only(Progress::percent(percent)));
    }
    if alone_only {
        return None;
    }
    Some(Parsed::progress_and_line(last_percentage(text.line)?))
}

/// Guesses progress from a percentage in a rewritten line, which is most likely a bar.
pub(crate) fn guess(text: Text<'_>) -> Option<Parsed> {
    let found = last_percentage(text.line).filter(|_| text.rewritten)?;
    Some(Parsed::progress_and_line(Progress { guessed: true, ..found }))
}

/// Finds the last percentage of the line, also next to other characters, as in `[####]37%`.
fn last_percentage(text: &str) -> Option<Progress> {
    text.rmatch_indices('%').find_map(|(at, _)| {
        let before = &text[..at];
        let number = &before[before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').len()..];
        share(number).map(Progress::percent)
    })
}

/// Numbers on their own lines.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    in_a_row: u32,
    last: f64,
}

impl Numbers {
    /// Parses a number from 0 to 100 on its own line. In automatic mode, it must be on the standard error, as in `pv
    /// -n`, and be at least the third in an ascending series.
    pub(crate) fn parse(&mut self, stream: Stream, text: Text<'_>, auto: bool) -> Option<Parsed> {
        let number = share(text.line.trim());
        if !auto {
            return number.map(|number| Parsed::progress_only(Progress::percent(number)));
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
        (self.in_a_row >= IN_A_ROW).then(|| Parsed::progress_only(Progress::percent(number)))
    }
}

/// Finds the first `n/m` that is not part of a path or a date, as in `[3/10] Building`; the text after it is the
/// message.
pub(crate) fn fraction(text: &str) -> Option<Parsed> {
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
        Some(Parsed::progress_and_line(Progress { measure, ..Progress::default() }.with_message(behind)))
    })
}

/// Parses OSC 9;4, as in `ConEmu`: <https://conemu.github.io/en/AnsiEscapeCodes.html#ConEmu_specific_OSC>.
pub(crate) fn terminal_progress(state: u8, percent: Option<u8>) -> Option<Progress> {
    let percent = percent.filter(|percent| *percent <= 100)?;
    matches!(state, 1 | 2 | 4).then(|| Progress::percent(percent.into()))
}
