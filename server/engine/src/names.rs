//! The names that a program gives: of kinds, queues, and what goes wrong. Checked when it is compiled.

use std::fmt;

/// A task's name in the registry, in addresses and in the history: lower case, digits, dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(&'static str);

impl Kind {
    /// # Panics
    /// At compile time (in a `const`) if `name` is empty, over 40 bytes, or not of `a-z 0-9 -`.
    pub const fn new(name: &'static str) -> Self {
        assert!(matches!(name.len(), 1..=40), "a kind has 1 to 40 characters");
        assert!(is_of_letters_digits_and(b'-', name), "a kind is of a-z, 0-9 and dashes");
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A queue's name: several kinds that share a resource, such as a disk, so that people can pause and limit them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Queue(&'static str);

impl Queue {
    /// That of kinds that name none.
    pub const DEFAULT: Self = Self::new("default");

    /// # Panics
    /// At compile time (in a `const`) if `name` is empty, over 40 bytes, or not of `a-z 0-9 -`.
    pub const fn new(name: &'static str) -> Self {
        assert!(matches!(name.len(), 1..=40), "a queue has 1 to 40 characters");
        assert!(is_of_letters_digits_and(b'-', name), "a queue is of a-z, 0-9 and dashes");
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A stable word for what went wrong, such as `io`, `bad_input`, `table_exists`: lower case, digits, underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Code(&'static str);

impl Code {
    /// # Panics
    /// At compile time (in a `const`) if `word` is empty or not of `a-z 0-9 _`.
    pub const fn new(word: &'static str) -> Self {
        assert!(!word.is_empty(), "a code has a word");
        assert!(is_of_letters_digits_and(b'_', word), "a code is of a-z, 0-9 and underscores");
        Self(word)
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<&'static str> for Code {
    /// As [`Code::new`].
    fn from(word: &'static str) -> Self {
        Self::new(word)
    }
}

const fn is_of_letters_digits_and(mark: u8, name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if !(matches!(bytes[i], b'a'..=b'z' | b'0'..=b'9') || bytes[i] == mark) {
            return false;
        }
        i += 1;
    }
    true
}
