//! The form of a task's input, made from its type by the engine and drawn by the pages.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fields of one kind's input, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// The fields.
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Key in the input object.
    pub name: String,
    /// What people call it: first line of the doc comment.
    pub label: String,
    /// The rest of the doc comment; may be empty.
    pub help: String,
    /// Must be filled in.
    pub required: bool,
    /// What stands in it at first.
    pub default: Option<Value>,
    /// Which control.
    pub kind: FieldKind,
}

/// Which control a field needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    /// One line, or several, of text; lengths in characters.
    Text {
        /// Several lines.
        multiline: bool,
        /// At least so many.
        min_length: Option<u64>,
        /// At most so many.
        max_length: Option<u64>,
    },
    /// A whole number.
    Integer {
        /// Smallest allowed.
        min: Option<i64>,
        /// Largest allowed.
        max: Option<i64>,
    },
    /// Any number.
    Number {
        /// Smallest allowed.
        min: Option<f64>,
        /// Largest allowed.
        max: Option<f64>,
    },
    /// Yes or no.
    Boolean,
    /// One of a few.
    Choice {
        /// The alternatives.
        choices: Vec<Choice>,
    },
    /// A folder under one of the roots.
    Folder,
    /// A file that is uploaded first; the field holds its [`crate::UploadId`].
    Upload,
}

/// One alternative of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the input holds.
    pub value: String,
    /// What people read.
    pub label: String,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Which; empty where it is the input as a whole.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}
