//! Return path after sign-in, against open redirects.

use app::base_path::url;
use percent_encoding::percent_decode_str;

/// The page after sign-in: `requested` if it is a page of this server, else the overview. Anyone can write a link to
/// the sign-in page; it must not lead to another site afterwards.
pub(super) fn local(requested: Option<&str>) -> String {
    let home = url("/");
    match requested {
        Some(path) if is_below(&home, path) => path.to_owned(),
        _ => home,
    }
}

/// Whether a browser that is sent to `path` stays below `home`, which begins and ends with a slash. Browsers read `\`
/// as `/`, leave out line breaks, take what follows two slashes for a host, and follow `..`, also where it is encoded.
pub(crate) fn is_below(home: &str, path: &str) -> bool {
    let pages = path.split(['?', '#']).next().unwrap_or_default();
    let is_dots = |part: &str| matches!(&*percent_decode_str(part).collect::<Vec<_>>(), b"." | b"..");
    path.starts_with(home)
        && !path.starts_with("//")
        && !pages.contains('\\')
        && !pages.split('/').any(is_dots)
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_of_this_server_is_returned() {
        for path in ["/", "/jobs", "/jobs?state=failed&text=a%20b", "/jobs/12#L2", "/new/demo?from=//3"] {
            assert_eq!(local(Some(path)), path);
        }
    }

    #[test]
    fn other_target_becomes_the_overview() {
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

    #[test]
    fn dot_segments_do_not_leave_the_base_path() {
        let home = "/milepost/";
        for path in ["/milepost/", "/milepost/jobs?path=/../a", "/milepost/.well-known", "/milepost/a..b/...#/.."] {
            assert!(is_below(home, path), "{path}");
        }
        for path in [
            "/",
            "/milepost",
            "/other",
            "/milepostjobs",
            "/milepost/../other",
            "/milepost/jobs/../../other",
            "/milepost/..",
            "/milepost/.",
            "/milepost/%2e%2e/other",
            "/milepost/%2E./other",
            "/milepost/..\\other",
            "/milepost/..?a",
        ] {
            assert!(!is_below(home, path), "{path}");
        }
    }
}
