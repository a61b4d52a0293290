//! Device description of a session, from `User-Agent`: `Firefox on Linux`.

use http::{HeaderMap, header};

/// Characters.
const MAX_LENGTH: usize = 80;

/// Browsers by a part of their `User-Agent`, first match wins: most claim to be others as well.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Version/", "Safari"),
];

/// Systems, in the same order of precedence.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// `Firefox on Linux`; for other clients their own name, such as `curl`.
pub(super) fn describe(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let find =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, word)| *word);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => program(agent),
    }
}

/// The first product of `User-Agent`.
fn program(agent: &str) -> String {
    let name: String = agent.split(['/', ' ']).next().unwrap_or_default().chars().take(MAX_LENGTH).collect();
    if name.is_empty() || name == "Mozilla" { "a program".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn describe_agent(agent: &str) -> String {
        describe(&HeaderMap::from_iter([(
            header::USER_AGENT,
            HeaderValue::from_str(agent).expect("the agents here are ASCII"),
        )]))
    }

    #[test]
    fn browser_is_named_with_its_system() {
        for (agent, words) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari on Mac",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
        ] {
            assert_eq!(describe_agent(agent), words);
        }
    }

    #[test]
    fn other_client_is_called_by_its_own_name() {
        assert_eq!(describe_agent("curl/8.14.1"), "curl");
        assert_eq!(describe_agent("python-requests/2.32.4"), "python-requests");
        assert_eq!(describe_agent(&"x".repeat(200)).len(), 80);
        for nameless in ["", "Mozilla/5.0", "/", " "] {
            assert_eq!(describe_agent(nameless), "a program", "{nameless:?}");
        }
        assert_eq!(describe(&HeaderMap::new()), "a program");
    }
}
