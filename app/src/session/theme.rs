//! The colour scheme: the system's unless a person chose another in this browser.

use serde::{Deserialize, Serialize};

use crate::base_path::url;

/// The cookie that holds the choice. Not a secret, and written by the page itself where scripts run.
const COOKIE: &str = "theme";

/// A colour scheme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// Whatever the system says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The choice that a request carries.
    #[cfg(feature = "ssr")]
    pub fn of(headers: &http::HeaderMap) -> Self {
        headers
            .get_all(http::header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == COOKIE)
            .and_then(|(_, value)| Self::from_word(value))
            .unwrap_or_default()
    }

    /// The scheme named by `word`, if it is one.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == word)
    }

    /// What the button says.
    pub fn label(self) -> String {
        format!("Colour scheme: {}", self.as_str())
    }

    /// The word in forms and in the cookie.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The document's `data-theme`; absent where the system decides.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light | Self::Dark => Some(self.as_str()),
        }
    }

    /// The one that the next press of the button chooses.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// The cookie that keeps the choice for a year, or drops it; `secure` where the page came by TLS.
    pub fn cookie(self, secure: bool) -> String {
        let age = if self == Self::System { 0 } else { 31_536_000 };
        let secure = if secure { "; Secure" } else { "" };
        format!("{COOKIE}={}; Path={}; Max-Age={age}; SameSite=Lax{secure}", self.as_str(), url("/"))
    }
}
