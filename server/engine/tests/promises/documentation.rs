//! Documentation check: every promise in `docs/promises.md`, `docs/security.md` and `docs/stream-cases.md` references a
//! test that exists.

use std::{fs, path::Path};

const PAGES: [&str; 3] =
    [include_str!("../../../../docs/promises.md"), include_str!("../../../../docs/security.md"), CASES];
const CASES: &str = include_str!("../../../../docs/stream-cases.md");

/// Returns every `path::name` in backticks.
fn tests_in(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split_once("::")).filter(|(path, _)| path.contains('/')).collect()
}

#[test]
fn promise_references_an_existing_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for page in PAGES {
        let promises: Vec<&str> = page.split("\n### ").skip(1).collect();
        assert!(promises.len() >= 10, "the promises are found");
        for (number, promise) in (1..).zip(promises) {
            assert!(promise.starts_with(&format!("{number}. ")), "promises are numbered: {promise}");
            // A section of exclusions may follow the last promise.
            let promise = promise.split("\n## ").next().unwrap_or_default();
            let tests = tests_in(promise);
            assert!(!tests.is_empty(), "promise {number} names no test");
            for (path, name) in tests {
                let source = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
                // A test in Rust, or in TypeScript as formatted.
                let written = [format!("fn {name}("), format!("test(\"{name}\""), format!("test(`{name}`")];
                let there = written.iter().any(|test| source.contains(test));
                assert!(there, "promise {number}: there is no {name} in {path}");
            }
        }
    }
}

#[test]
fn stream_case_has_a_numbered_test() {
    let cases: Vec<&str> = CASES.split("\n### ").skip(1).collect();
    assert_eq!(cases.len(), 20);
    for (number, case) in (1..).zip(cases) {
        let named = [format!("case_{number:02}_"), format!("case {number}: ")];
        let bears = |name: &str| named.iter().any(|number| name.starts_with(number));
        assert!(tests_in(case).iter().any(|(_, name)| bears(name)), "case {number} has no test of its own");
    }
}
