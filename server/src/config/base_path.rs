//! The setting `base_path`: the path prefix of all addresses.

use crate::{Error, Result};

/// Checks the path; empty for none. Rejects what a redirect or a cookie would change.
pub(super) fn parse(path: Option<String>) -> Result<String> {
    let Some(path) = path else { return Ok(String::new()) };
    if path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_unreserved)) {
        return Ok(path);
    }
    let message = format!(
        "`{path}` is not possible. Give a path such as /milepost: it begins with a slash and ends without one, its \
         parts are made of letters, digits and - . _ ~, and none of them is `.` or `..`. Leave the setting out where \
         Milepost has a host of its own"
    );
    Err(Error::Setting { name: "base_path", message })
}

fn is_unreserved(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(part, "" | "." | "..") && part.bytes().all(plain)
}
