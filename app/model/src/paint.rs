//! Colours beside the text of a log line, which stays plain.

use serde::{Deserialize, Serialize};

/// In which style the bytes of a text are shown: `0:1b 5: 9:92` is bold red from the first byte on, plain from the sixth,
/// bright green from the tenth. What is shown plainly throughout has the empty one.
///
/// A style is, in this order, `1` red, `2` green, `3` yellow, `4` blue, `5` magenta, `6` cyan or `0` grey, with a `9` before
/// it where it is bright; `b` bold, `i` italic, `u` underlined; `r` where the colour is that of the background.
///
/// There is never anything else in it, whoever wrote it, and whatever its numbers are, a text is shown as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Paint(String);

impl Paint {
    /// Changes of style in one text. What comes after the last one is plain.
    pub const CHANGES: usize = 64;
    /// As long as so many changes can be, bytes.
    const LENGTH: usize = 16 * Self::CHANGES;

    /// Whether there is none.
    pub fn is_plain(&self) -> bool {
        self.0.is_empty()
    }

    /// Its length as it is kept, bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }

    /// From byte `at` on, `style` holds. Changes are told in the order of their places.
    pub fn change(&mut self, at: usize, style: &str) {
        let before = self.0.rsplit_once(':').map_or("", |(_, style)| style);
        let changes = self.0.matches(':').count();
        if style == before || changes >= Self::CHANGES || !style.bytes().all(is_of_style) {
            return;
        }
        if changes > 0 {
            self.0.push(' ');
        }
        self.0.push_str(&at.to_string());
        self.0.push(':');
        self.0.push_str(if changes + 1 < Self::CHANGES { style } else { "" });
    }

    /// Leaves what is from byte `end` on plain.
    pub fn cut(&mut self, end: usize) {
        let mut kept = Self::default();
        for (at, style) in self.changes().filter(|(at, _)| *at < end) {
            kept.change(at, style);
        }
        kept.change(end, "");
        *self = kept;
    }

    /// Tells the pieces of `text` in their order, each with its style: together they are the text.
    pub fn pieces<'t>(&'t self, text: &'t str, mut tell: impl FnMut(&'t str, &'t str)) {
        let (mut rest, mut begun, mut style) = (text, 0, "");
        for (at, next) in self.changes() {
            // A place that is none in this text is passed over.
            let Some((piece, after)) = at.checked_sub(begun).and_then(|length| rest.split_at_checked(length)) else {
                continue;
            };
            if !piece.is_empty() {
                tell(style, piece);
            }
            (rest, begun, style) = (after, at, next);
        }
        if !rest.is_empty() {
            tell(style, rest);
        }
    }

    fn changes(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0.split(' ').filter_map(|change| {
            let (at, style) = change.split_once(':')?;
            Some((at.parse().ok()?, style))
        })
    }
}

impl From<String> for Paint {
    /// What somebody has written. If it is no paint, there is none.
    fn from(written: String) -> Self {
        let is_ours = |byte| is_of_style(byte) || matches!(byte, b' ' | b':');
        if written.len() <= Self::LENGTH && written.bytes().all(is_ours) { Self(written) } else { Self::default() }
    }
}

fn is_of_style(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'b' | b'i' | b'u' | b'r')
}
