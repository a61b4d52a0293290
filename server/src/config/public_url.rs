//! The setting `public_url`: the address in links and host checks.

use url::Url;

use crate::{Error, Result};

/// Checks the address. Rejects parts that only some links could have.
pub(super) fn parse(address: Option<String>) -> Result<Option<Url>> {
    let Some(address) = address else { return Ok(None) };
    let invalid = |what: &str| {
        let remedy = "Enter the public base URL, such as https://milepost.example.org";
        Error::Setting { name: "public_url", message: format!("`{address}` {what}. {remedy}") }
    };
    let url = Url::parse(&address).map_err(|error| invalid(&format!("is no address ({error})")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("begins neither with http:// nor with https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("names a user"));
    }
    if url.path() != "/" {
        return Err(invalid("has a path; that is the setting base_path"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("goes on behind the host"));
    }
    Ok(Some(url))
}
