//! ANSI styles of a log line, stored beside its plain text.

use serde::{Deserialize, Serialize};

/// Styles of a text by byte offset: `0:1b 5: 9:92` is bold red from byte 0, plain from byte 5, bright green from byte
/// 9. Empty for plain text.
///
/// A style consists, in this order, of a colour: `1` red, `2` green, `3` yellow, `4` blue, `5` magenta, `6` cyan or `0`
/// grey, with a `9` before it if it is bright; `b` bold, `i` italic, `u` underlined; `r` if the colour is that of the
/// background.
///
/// Deserialising rejects all other characters. Invalid offsets never hide text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct AnsiStyles(String);

impl AnsiStyles {
    /// The most changes of style in one text. The last one ends all styles.
    pub const CHANGES: usize = 64;
    /// The longest form of that many changes, bytes.
    const MAX_LENGTH: usize = 16 * Self::CHANGES;

    /// Whether there are no styles.
    pub fn is_plain(&self) -> bool {
        self.0.is_empty()
    }

    /// Stored length, bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// Adds a style from byte `at` on. Offsets must rise.
    pub fn change(&mut self, at: usize, style: &str) {
        let before = self.0.rsplit_once(':').map_or("", |(_, style)| style);
        let changes = self.0.matches(':').count();
        if style == before || changes >= Self::CHANGES || !style.bytes().all(is_style_byte) {
            return;
        }
        if changes > 0 {
            self.0.push(' ');
        }
        self.0.push_str(&at.to_string());
        self.0.push(':');
        self.0.push_str(if changes + 1 < Self::CHANGES { style } else { "" });
    }

    /// Removes the styles from byte `end` on.
    pub fn truncate(&mut self, end: usize) {
        let mut truncated = Self::default();
        for (at, style) in self.changes().filter(|(at, _)| *at < end) {
            truncated.change(at, style);
        }
        truncated.change(end, "");
        *self = truncated;
    }

    /// Calls `visit` with style and text of each span of `text`, in order. The spans cover the whole text.
    pub fn spans<'t>(&'t self, text: &'t str, mut visit: impl FnMut(&'t str, &'t str)) {
        let (mut rest, mut begun, mut style) = (text, 0, "");
        for (at, next) in self.changes() {
            // Offsets that are not a character boundary of this text are skipped.
            let Some((span, after)) = at.checked_sub(begun).and_then(|length| rest.split_at_checked(length)) else {
                continue;
            };
            if !span.is_empty() {
                visit(style, span);
            }
            (rest, begun, style) = (after, at, next);
        }
        if !rest.is_empty() {
            visit(style, rest);
        }
    }

    fn changes(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0.split(' ').filter_map(|change| {
            let (at, style) = change.split_once(':')?;
            Some((at.parse().ok()?, style))
        })
    }
}

impl From<String> for AnsiStyles {
    /// Accepts untrusted text; invalid text becomes no styles.
    fn from(text: String) -> Self {
        let is_allowed = |byte| is_style_byte(byte) || matches!(byte, b' ' | b':');
        if text.len() <= Self::MAX_LENGTH && text.bytes().all(is_allowed) { Self(text) } else { Self::default() }
    }
}

fn is_style_byte(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'b' | b'i' | b'u' | b'r')
}
