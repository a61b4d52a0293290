//! Base path: the prefix of all addresses, for a server that shares its host with other programs behind a proxy.

#[cfg(feature = "ssr")]
static BASE_PATH: std::sync::OnceLock<String> = std::sync::OnceLock::new();

/// Sets the prefix, such as `/milepost`; empty for none. Call it before anything is rendered: the first call counts.
#[cfg(feature = "ssr")]
pub fn set(path: String) {
    BASE_PATH.get_or_init(|| path);
}

#[cfg(feature = "ssr")]
pub fn base_path() -> &'static str {
    BASE_PATH.get().map_or("", String::as_str)
}

/// Reads the prefix from the document's `data-base`.
#[cfg(not(feature = "ssr"))]
fn base_path() -> String {
    let root = leptos::prelude::document().document_element();
    root.and_then(|root| root.get_attribute("data-base")).unwrap_or_default()
}

/// Returns `path`, which begins with `/`, below the base path.
pub fn url(path: &str) -> String {
    format!("{}{path}", base_path())
}

/// Returns `address` if it is that of a list of jobs: the overview, the job list or a schedule, with any query.
/// Anything else could lead to another site.
#[cfg(feature = "ssr")]
pub fn list_address(address: &str) -> Option<String> {
    let page = address.split(['?', '#']).next().unwrap_or_default();
    let schedule = page.strip_prefix(url("/schedules/").as_str());
    let is_schedule = schedule.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let is_list = is_schedule || page == url("/") || page == url("/jobs");
    (is_list && address.bytes().all(|byte| byte.is_ascii_graphic())).then(|| address.to_owned())
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::*;

    #[test]
    fn only_lists_of_jobs_are_list_addresses() {
        for list in ["/", "/?span=7d", "/jobs", "/jobs?state=failed&kind=a", "/jobs?q=//x", "/schedules/7"] {
            assert_eq!(list_address(list).as_deref(), Some(list));
        }
        for other in [
            "",
            "/jobs/1",
            "/schedules/",
            "/schedules/7/edit",
            "/schedules//x",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/jobs",
            "/jobs\r\nx: y",
        ] {
            assert_eq!(list_address(other), None, "{other:?}");
        }
    }
}
