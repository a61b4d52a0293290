//! The patterns of `like` and `glob`, matched without recursion.

/// Longest pattern, bytes: the default of SQLite.
const MAX_PATTERN: usize = 50_000;
/// Steps between two checks for a cancel: some milliseconds.
const STEPS_PER_CHECK: u32 = 1 << 18;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// `%` and `_`; ignores the case of ASCII letters.
    Like,
    /// `*`, `?` and `[…]`.
    Glob,
}

/// A parsed pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    /// Whether the case of ASCII letters is ignored.
    ignore_case: bool,
}

#[derive(Debug)]
enum Part {
    /// Any number of characters.
    All,
    /// Any one character.
    One,
    /// This character.
    Same(char),
    /// A character in one of the ranges, or in none of them.
    Set { ranges: Vec<(char, char)>, inverted: bool },
    /// No character: the pattern is incomplete.
    Never,
}

/// The escape character of a `like`.
pub(super) fn escape(text: &[u8]) -> Result<char, &'static str> {
    let text = String::from_utf8_lossy(super::until_nul(text));
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(escape), None) => Ok(escape),
        _ => Err("ESCAPE expression must be a single character"),
    }
}

/// The pattern is too long.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("LIKE or GLOB pattern too complex")]
pub(super) struct TooLong;

impl Pattern {
    pub(super) fn read(text: &[u8], language: Language, escape: Option<char>) -> Result<Self, TooLong> {
        if text.len() > MAX_PATTERN {
            return Err(TooLong);
        }
        let text = String::from_utf8_lossy(super::until_nul(text));
        let (all, one) = match language {
            Language::Like => ('%', '_'),
            Language::Glob => ('*', '?'),
        };
        let mut parts = Vec::new();
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            parts.push(if Some(character) == escape {
                rest.next().map_or(Part::Never, Part::Same)
            } else if character == all {
                if matches!(parts.last(), Some(Part::All)) {
                    continue;
                }
                Part::All
            } else if character == one {
                Part::One
            } else if character == '[' && language == Language::Glob {
                set(&mut rest)
            } else {
                Part::Same(character)
            });
        }
        Ok(Self { parts, ignore_case: language == Language::Like })
    }

    /// Whether the whole text matches; `None` if `stop` returned true first. Backtracking only to the last `All` is
    /// enough.
    pub(super) fn matches(&self, text: &str, stop: &dyn Fn() -> bool) -> Option<bool> {
        let (mut part, mut at) = (0, 0);
        let mut back = None;
        let mut steps = 0_u32;
        loop {
            steps += 1;
            if steps == STEPS_PER_CHECK {
                steps = 0;
                if stop() {
                    return None;
                }
            }
            let Some(character) = text[at..].chars().next() else {
                return Some(self.parts[part..].iter().all(|part| matches!(part, Part::All)));
            };
            match self.parts.get(part) {
                Some(Part::All) => {
                    part += 1;
                    back = Some((part, at));
                }
                Some(other) if self.fits(other, character, &mut steps) => {
                    part += 1;
                    at += character.len_utf8();
                }
                Some(_) | None => {
                    let Some((after, from)) = back else { return Some(false) };
                    let passed = text[from..].chars().next().map_or(1, char::len_utf8);
                    (part, at) = (after, from + passed);
                    back = Some((after, at));
                }
            }
        }
    }

    fn fits(&self, part: &Part, character: char, steps: &mut u32) -> bool {
        match part {
            Part::One => true,
            Part::Same(wanted) if self.ignore_case => wanted.eq_ignore_ascii_case(&character),
            Part::Same(wanted) => *wanted == character,
            Part::Set { ranges, inverted } => {
                // A set counts one step for each range, but never skips a check.
                *steps = steps.saturating_add(ranges.len() as u32).min(STEPS_PER_CHECK - 1);
                ranges.iter().any(|(from, to)| (from..=to).contains(&&character)) != *inverted
            }
            Part::All | Part::Never => false,
        }
    }
}

/// The rest of a `[…]`.
fn set(rest: &mut std::str::Chars<'_>) -> Part {
    let mut ranges = Vec::new();
    let mut before = None;
    let mut next = rest.next();
    let inverted = next == Some('^');
    if inverted {
        next = rest.next();
    }
    if next == Some(']') {
        ranges.push((']', ']'));
        next = rest.next();
    }
    loop {
        match next {
            None => return Part::Never,
            Some(']') => return Part::Set { ranges, inverted },
            Some('-') if before.is_some() && !matches!(rest.as_str().chars().next(), None | Some(']')) => {
                ranges.extend(before.take().zip(rest.next()));
            }
            Some(character) => {
                ranges.push((character, character));
                before = Some(character);
            }
        }
        next = rest.next();
    }
}
