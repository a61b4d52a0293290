//! Form input: converts the text of a form field to the JSON of a task's input.

use serde_json::{Number, Value};

use crate::FieldKind;

/// The conversion of a field's text to JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Text, kept as it is. Line ends become `\n`.
    Text,
    /// A path or a name, trimmed.
    Name,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Entry {
    /// All conversions.
    pub const ALL: [Self; 5] = [Self::Text, Self::Name, Self::Integer, Self::Number, Self::Boolean];

    /// Returns the conversion for a field of `kind`.
    pub const fn of(kind: &FieldKind) -> Self {
        match kind {
            FieldKind::Text { .. } => Self::Text,
            FieldKind::Choice { .. } | FieldKind::Path { .. } | FieldKind::Upload => Self::Name,
            FieldKind::Integer { .. } => Self::Integer,
            FieldKind::Number { .. } => Self::Number,
            FieldKind::Boolean => Self::Boolean,
        }
    }

    /// Converts `text`. `None` for an empty field, which is left out of the input. An invalid number remains text, so
    /// that validation can name it.
    pub fn read(self, text: &str) -> Option<Value> {
        let text = if self == Self::Text { text } else { text.trim() };
        if text.is_empty() {
            return None;
        }
        let value = match self {
            Self::Text | Self::Name => None,
            Self::Integer => {
                text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
            }
            Self::Number => text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number),
            Self::Boolean => text.parse().map(Value::Bool).ok(),
        };
        Some(value.unwrap_or_else(|| Value::String(text.replace("\r\n", "\n"))))
    }
}
