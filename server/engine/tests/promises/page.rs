//! `docs/promises.md` and `docs/security.md` name a test for every promise, and there is that test.

use std::{fs, path::Path};

const PAGES: [&str; 2] = [include_str!("../../../../docs/promises.md"), include_str!("../../../../docs/security.md")];

/// Every `path::name` that stands in backticks.
fn tests_in(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split_once("::")).filter(|(path, _)| path.contains('/')).collect()
}

#[test]
fn every_promise_names_a_test_and_there_is_that_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for page in PAGES {
        let promises: Vec<&str> = page.split("\n### ").skip(1).collect();
        assert!(promises.len() >= 10, "the promises are found");
        for (number, promise) in (1..).zip(promises) {
            assert!(promise.starts_with(&format!("{number}. ")), "promises are numbered: {promise}");
            // What is not promised stands below the last one.
            let promise = promise.split("\n## ").next().unwrap_or_default();
            let tests = tests_in(promise);
            assert!(!tests.is_empty(), "promise {number} names no test");
            for (path, name) in tests {
                let source = fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
                let there = source.contains(&format!("fn {name}(")) || source.contains(&format!("test(\"{name}\""));
                assert!(there, "promise {number}: there is no {name} in {path}");
            }
        }
    }
}
