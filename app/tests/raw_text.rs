//! Raw text elements: Leptos writes their content without escaping.
#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The files with such an element, and why its content is safe.
const ALLOWED: &[(&str, &str)] = &[
    ("src/components/text_area.rs", "<textarea"), // escapes its text
    ("src/layout/hydration.rs", "<script"),       // names of files of the build
    ("src/layout/refresh.rs", "<noscript"),       // a constant
    ("src/pages/job/earlier_runs.rs", "<title"),  // a number, a label and a duration
    ("src/pages/job/notes.rs", "<noscript"),      // an element with a number in its address
    ("src/pages/jobs/form.rs", "<noscript"),      // a button
    ("src/pages/public/document.rs", "<script"),  // a file
    ("src/pages/public/document.rs", "<title"),   // a constant, or made by `document_title`
    ("src/pages/unreadable.rs", "<title"),        // a constant
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn raw_text_elements_are_written_only_where_escaped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let mut seen = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for tag in ["<textarea", "<title", "<script", "<style", "<noscript", "<xmp", "<iframe", "<plaintext"] {
                if line.contains(tag) {
                    seen.push((name.clone(), tag));
                }
            }
        }
    }
    for (file, tag) in &seen {
        assert!(ALLOWED.contains(&(file, tag)), "{file}: {tag}> is written as it is; say in ALLOWED why that is safe");
    }
    for (file, tag) in ALLOWED {
        assert!(seen.contains(&((*file).to_owned(), *tag)), "{file}: no {tag}> any more; remove it from ALLOWED");
    }
}
