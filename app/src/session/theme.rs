//! Theme: the colour scheme of the system, or the one chosen in this browser.

use serde::{Deserialize, Serialize};

use crate::base_path::url;

/// Not secret; the page writes it too.
const COOKIE: &str = "theme";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Theme {
    /// As the system is set.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// Reads the cookie of a request.
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

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark].into_iter().find(|theme| theme.as_str() == word)
    }

    /// The label of the button.
    pub fn label(self) -> String {
        format!("Colour scheme: {}", self.as_str())
    }

    /// The value in forms and in the cookie.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The document's `data-theme`; absent if the system decides.
    pub const fn attribute(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light | Self::Dark => Some(self.as_str()),
        }
    }

    /// The theme that the button switches to.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// Returns the cookie: for a year, or deleted for the system's scheme. `secure` if the page came over TLS.
    pub fn cookie(self, secure: bool) -> String {
        let age = if self == Self::System { 0 } else { 31_536_000 };
        let secure = if secure { "; Secure" } else { "" };
        format!("{COOKIE}={}; Path={}; Max-Age={age}; SameSite=Lax{secure}", self.as_str(), url("/"))
    }
}
