//! Errors: problem details, RFC 9457.

use serde::{Deserialize, Serialize};

/// An error, sent as `application/problem+json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`: the code distinguishes the problems.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The phrase of the status.
    #[serde(default)]
    pub title: String,
    /// The status.
    #[serde(default)]
    pub status: u16,
    /// What is wrong and what to do.
    #[serde(default)]
    pub detail: String,
    /// A stable code for programs.
    #[serde(default)]
    pub code: String,
    /// Entries that the server has, with `gap`: continue after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// The number of the job that is in the way, with `busy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<u64>,
    /// The parts of the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// One part of a request that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// A JSON pointer to it.
    pub pointer: String,
    /// A stable code.
    pub code: String,
    /// What is wrong with it.
    pub detail: String,
}
