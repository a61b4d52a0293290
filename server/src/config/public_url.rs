//! The address under which people know the server.

use url::Url;

use crate::{Error, Result};

/// The address as it was given. What would make some links true and others not is refused.
pub(super) fn checked(address: Option<String>) -> Result<Option<Url>> {
    let Some(address) = address else { return Ok(None) };
    let problem = |what: &str| {
        let remedy = "Enter the public base URL, such as https://milepost.example.org";
        Error::Setting { name: "public_url", message: format!("`{address}` {what}. {remedy}") }
    };
    let url = Url::parse(&address).map_err(|error| problem(&format!("is no address ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(problem("begins neither with http:// nor with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem("names a user"));
    }
    if url.path() != "/" {
        return Err(problem("has a path; that is the setting base_path"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(problem("goes on behind the host"));
    }
    Ok(Some(url))
}
