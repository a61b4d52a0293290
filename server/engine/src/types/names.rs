//! Names of kinds, queues and error codes. Checked at compile time, or, if they come from a configuration,
//! when the program starts.

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

    /// A kind declared at run time. Its name is kept until the program ends.
    ///
    /// # Errors
    /// The reason why the name is invalid.
    pub fn declared(name: &str) -> Result<Self, String> {
        declared(name, "kind").map(Self)
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

/// A queue's name: several kinds that share a resource, such as a disk, so that users can pause and limit them
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Queue(&'static str);

impl Queue {
    /// The queue of kinds without one.
    pub const DEFAULT: Self = Self::new("default");

    /// # Panics
    /// At compile time (in a `const`) if `name` is empty, over 40 bytes, or not of `a-z 0-9 -`.
    pub const fn new(name: &'static str) -> Self {
        assert!(matches!(name.len(), 1..=40), "a queue has 1 to 40 characters");
        assert!(is_of_letters_digits_and(b'-', name), "a queue is of a-z, 0-9 and dashes");
        Self(name)
    }

    /// A queue declared at run time, as [`Kind::declared`].
    ///
    /// # Errors
    /// The reason why the name is invalid.
    pub fn declared(name: &str) -> Result<Self, String> {
        declared(name, "queue").map(Self)
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

/// A stable code for an error, such as `io`, `bad_input`, `table_exists`: lower case, digits, underscores.
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

    /// A code declared at run time. It is kept until the program ends, so call this once for each code, and never with
    /// input from outside.
    ///
    /// # Panics
    /// As [`Code::new`].
    pub fn declared(word: &str) -> Self {
        Self::new(kept(word))
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

/// The name, checked and kept.
fn declared(name: &str, what: &str) -> Result<&'static str, String> {
    if !matches!(name.len(), 1..=40) || !is_of_letters_digits_and(b'-', name) {
        return Err(format!(
            "`{name}` cannot be the name of a {what}: it has 1 to 40 characters of a-z, 0-9 and dashes"
        ));
    }
    Ok(kept(name))
}

/// The one place where text becomes part of the program: what is declared at the start, which is little.
pub(crate) fn kept(text: &str) -> &'static str {
    Box::leak(Box::from(text))
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
