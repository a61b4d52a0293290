//! The path that everything lives below.

use crate::{Error, Result};

/// The path as it was given, empty for none. What would not survive a redirect or a cookie unchanged is refused.
pub(super) fn checked(path: Option<String>) -> Result<String> {
    let Some(path) = path else { return Ok(String::new()) };
    if path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_plain)) {
        return Ok(path);
    }
    let message = format!(
        "`{path}` is not possible. Give a path such as /milepost: it begins with a slash and ends without one, its \
         parts are made of letters, digits and - . _ ~, and none of them is `.` or `..`. Leave the setting out where \
         Milepost has a host of its own"
    );
    Err(Error::Setting { name: "base_path", message })
}

fn is_plain(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !matches!(part, "" | "." | "..") && part.bytes().all(plain)
}
