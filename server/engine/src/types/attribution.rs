//! Attribution: which user did something, with which token, from which address.

use std::{net::IpAddr, sync::Arc};

/// Attribution of an action for the audit log: user, token and address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// The user's name; `local` without accounts. The owner of a job is identified by it.
    pub name: Arc<str>,
    /// The name of the token, if one was used.
    pub token: Option<Arc<str>>,
    /// The address of the client.
    pub address: Option<IpAddr>,
}

impl Attribution {
    /// The means as a text: "with token nightly-ci"; empty for a signed-in user.
    pub fn means(&self) -> String {
        self.token.as_ref().map_or_else(String::new, |token| format!("with token {token}"))
    }
}

impl Default for Attribution {
    /// The user of an installation without accounts.
    fn default() -> Self {
        Self::from("local")
    }
}

impl From<&str> for Attribution {
    fn from(name: &str) -> Self {
        Self { name: name.into(), token: None, address: None }
    }
}

impl From<String> for Attribution {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}
