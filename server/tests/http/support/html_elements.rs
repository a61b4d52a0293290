//! The elements of an HTML page, as the tokenizer of the HTML standard (13.2.5) finds them.

use std::collections::BTreeMap;

/// A start tag, and the text after it up to the next tag.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// Values by name, with character references resolved.
    pub(crate) attributes: BTreeMap<String, String>,
    /// For scripts, styles, titles and text areas: the whole content.
    pub(crate) text: String,
}

pub(crate) fn elements(html: &str) -> Vec<Element> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            // `-->` may begin with the dashes that opened it.
            let end = comment.strip_prefix('>').map(|_| 0).or_else(|| comment.find("-->").map(|at| at + 2));
            rest = &comment[end.unwrap_or(comment.len())..];
            continue;
        }
        if !rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            continue;
        }
        let end =
            rest.find(|letter: char| letter.is_whitespace() || letter == '/' || letter == '>').unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        let (attributes, after) = attributes(&rest[end..]);
        rest = after;
        let raw = ["script", "style", "title", "textarea"].contains(&&*name);
        let closing = if raw { format!("</{name}") } else { "<".to_owned() };
        let length = rest.to_ascii_lowercase().find(&closing).unwrap_or(rest.len());
        let text = rest[..length].to_owned();
        if raw {
            rest = &rest[length..];
        }
        found.push(Element { name, attributes, text });
    }
    found
}

/// The attributes of a tag, and the rest of the page after it.
fn attributes(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
        if rest.is_empty() {
            return (found, rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return (found, after);
        }
        // An equals sign at the start is part of the name.
        let stops = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '>' | '=');
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find(stops).map_or(rest.len(), |at| at + first);
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            rest = after.trim_start();
            let quote = rest.chars().next().filter(|letter| matches!(letter, '"' | '\''));
            let (from, to) = match quote {
                Some(quote) => (1, rest[1..].find(quote).map_or(rest.len(), |at| at + 1)),
                None => (0, rest.find(|letter: char| letter.is_whitespace() || letter == '>').unwrap_or(rest.len())),
            };
            value = &rest[from..to];
            rest = &rest[(to + from).min(rest.len())..];
        }
        found.entry(name).or_insert_with(|| resolved(value));
    }
}

/// Resolves the character references that matter in addresses.
fn resolved(value: &str) -> String {
    let named = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&#58;", ":")];
    let named = named.into_iter().chain([("&colon;", ":"), ("&Tab;", "\t"), ("&NewLine;", "\n"), ("&amp;", "&")]);
    named.fold(value.to_owned(), |value, (reference, letter)| value.replace(reference, letter))
}

#[test]
fn injected_elements_and_attributes_are_found() {
    let found = |html| elements(html).into_iter().map(|element| element.name).collect::<Vec<_>>();
    assert_eq!(found(r#"<a href="x"><script>alert(7)</script><xss-7 onxss=1>"#), ["a", "script", "xss-7"]);
    assert_eq!(found(r#"<a href="&quot;><script>"></a><b>"#), ["a", "b"]);
    assert_eq!(found("<title></title><i></title>"), ["title", "i"]);
    assert_eq!(found("<!-- <b> --><i><!--><u>"), ["i", "u"]);
    assert_eq!(found("1 < 2 &lt;b>"), Vec::<String>::new());
    let page = elements(r#"<input value='a"b' onxss="alert(7)" checked>"#);
    assert_eq!(page[0].attributes.keys().collect::<Vec<_>>(), ["checked", "onxss", "value"]);
}
