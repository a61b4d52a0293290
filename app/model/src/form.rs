//! Form of a task's input: derived from its type by the engine, rendered by the pages.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fields of one kind's input, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// In the order of their declaration.
    pub fields: Vec<Field>,
}

/// A form field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Key in the input object.
    pub name: String,
    /// Label: the first line of the doc comment.
    pub label: String,
    /// Help text: the rest of the doc comment; may be empty.
    pub help: String,
    /// Whether it must be filled in.
    pub required: bool,
    /// The initial value.
    pub default: Option<Value>,
    /// The control.
    pub kind: FieldKind,
}

/// The control of a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    /// Text; lengths in characters.
    Text {
        /// Whether it has several lines.
        multiline: bool,
        /// Minimum length.
        min_length: Option<u64>,
        /// Maximum length.
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
    /// One of several values.
    Choice {
        /// The alternatives.
        choices: Vec<Choice>,
    },
    /// A path under one of the roots.
    Path {
        /// What it leads to.
        takes: PathKind,
    },
    /// A file that is uploaded first; the field holds its [`crate::UploadId`].
    Upload,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PathKind {
    /// A folder.
    #[default]
    Folder,
    /// A regular file.
    File,
    /// A folder or a file.
    Any,
}

impl PathKind {
    /// Its serialised name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::File => "file",
            Self::Any => "any",
        }
    }

    /// Whether it can be a folder.
    pub const fn has_folders(self) -> bool {
        matches!(self, Self::Folder | Self::Any)
    }

    /// Whether it can be a file.
    pub const fn has_files(self) -> bool {
        matches!(self, Self::File | Self::Any)
    }
}

/// A value of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The value in the input.
    pub value: String,
    /// The label on the page.
    pub label: String,
}

/// A validation error of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field; empty for the input as a whole.
    pub field: String,
    /// What is wrong, then what to do.
    pub message: String,
}
