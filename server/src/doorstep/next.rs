//! Where somebody was going when they were asked to sign in.

use app::base::at;

/// The address to go on to: `asked` where it is a page of this server, else home. Anybody can write a link to the page
/// where people sign in; it must not lead them elsewhere afterwards.
pub(super) fn local(asked: Option<&str>) -> String {
    let home = at("/");
    match asked {
        Some(path) if is_local(path) && path.starts_with(&home) => path.to_owned(),
        _ => home,
    }
}

/// Whether a browser stays on this server: browsers read `\` as `/`, leave out line breaks, and take what follows two
/// slashes for a host.
fn is_local(path: &str) -> bool {
    let mut letters = path.chars();
    letters.next() == Some('/')
        && !matches!(letters.next(), Some('/' | '\\'))
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_this_server_are_gone_on_to() {
        for path in ["/", "/jobs", "/jobs?state=failed&text=a%20b", "/jobs/12#L2", "/new/demo?from=//3"] {
            assert_eq!(local(Some(path)), path);
        }
    }

    #[test]
    fn nothing_leads_anywhere_else() {
        for path in [
            "",
            "jobs",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            " /jobs",
            "/\t/evil.example",
            "/\n/evil.example",
            "/jobs\r\nset-cookie: a=b",
            "javascript:alert(1)",
            "/é",
        ] {
            assert_eq!(local(Some(path)), "/", "{path:?}");
        }
        assert_eq!(local(None), "/");
    }
}
