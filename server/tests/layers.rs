//! Layers: no module imports from a room above its own, so that no import runs in a circle between rooms.
//!
//! A room is a module of a crate with everything below it. The table lists the rooms of each crate from bottom to top; rooms
//! of one row may use each other. Code below `#[cfg(test)]` is free.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A crate and its rooms, a row a layer, the lowest first. A room inside another one is named by its path.
struct Crate {
    /// Source folder, relative to the folder `server`.
    src: &'static str,
    layers: &'static [&'static [&'static str]],
}

const CRATES: &[Crate] = &[
    Crate {
        src: "engine/src",
        layers: &[
            &["types"],
            &["clock", "error"],
            &["files", "messages", "processes", "runtime"],
            &["store"],
            &["store::rules"],
            &["store::writing"],
            &["store::sqlite"],
            &["access", "nodes", "progress", "uploads"],
            // One row: a task is given a `Ctx`, a `Ctx` belongs to an attempt, and an attempt to a registered task.
            &["attempt", "shared", "task"],
            &["maintenance", "reports", "scheduling", "worker"],
            &["engine"],
            &["authorized"],
        ],
    },
    Crate {
        src: "../app/src",
        layers: &[
            &["base_path"],
            &["browser", "session"],
            &["components", "live"],
            &["enhance"],
            &["islands"],
            &["context"],
            &["forms"],
            &["server_fns"],
            &["layout"],
            &["pages"],
            &["routes"],
        ],
    },
    Crate {
        src: "src",
        layers: &[
            &["error", "release", "VERSION"],
            &["middleware::client_ip"],
            &["limits"],
            &["config"],
            &["credential", "setup_link_file"],
            &["http"],
            &["middleware"],
            &["stream"],
            &["http::state"],
            &["identity"],
            &["handlers"],
            // Above the handlers: the response to a rejected request is a page.
            &["middleware::auth"],
            &["http::router"],
            &["cli"],
            &["run"],
        ],
    },
];

#[test]
fn modules_import_only_from_their_own_layer_and_below() {
    let faults: Vec<String> = CRATES.iter().flat_map(|each| each.faults(&each.read())).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn import_from_a_higher_layer_is_found() {
    let engine = &CRATES[0];
    let planted = |module: &str, code: &str| {
        let mut sources = engine.read();
        sources.insert(module.to_owned(), code.to_owned());
        engine.faults(&sources).len()
    };
    assert_eq!(planted("files::disk", "use crate::error::Error;"), 0);
    assert_eq!(planted("files::disk", "use crate::{error::Error, worker::relay};"), 1);
    assert_eq!(planted("files::disk", "fn f() { crate::engine::builder::open() }"), 1);
    assert_eq!(planted("files::disk", "use super::super::shared::Shared;"), 1);
    assert_eq!(planted("files::disk", "use crate::Ctx;"), 1, "by its name at the root of the crate");
    assert_eq!(planted("store::rules::outcome", "use crate::store::sqlite::SqliteStore;"), 1);
    assert_eq!(planted("files::disk", "// crate::worker\n#[cfg(test)]\nmod tests { use crate::worker; }"), 0);
    assert_eq!(planted("nowhere", ""), 1, "a module without a row in the table");
}

impl Crate {
    /// The source text of each module, by its path; the root has the empty one.
    fn read(&self) -> BTreeMap<String, String> {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.src);
        let module = |file: &PathBuf| {
            let path = file.strip_prefix(&src).expect("below the source folder").with_extension("");
            let path = path.to_str().expect("a path of UTF-8").replace('/', "::");
            if path == "lib" { String::new() } else { path }
        };
        let read = |file: PathBuf| (module(&file), fs::read_to_string(&file).expect("a readable source file"));
        rust_files(&src).into_iter().map(read).filter(|(module, _)| module != "main").collect()
    }

    /// Imports that lead upwards, and modules without a room.
    fn faults(&self, sources: &BTreeMap<String, String>) -> Vec<String> {
        let root = imports("", &code(&sources[""]));
        let exported = |name: &str| root.iter().find(|path| path.rsplit("::").next() == Some(name)).cloned();
        let mut faults = Vec::new();
        for (module, text) in sources.iter().filter(|(module, _)| !module.is_empty()) {
            let Some(own) = self.layer(module) else {
                faults.push(format!("{}: {module} is in no row of the table", self.src));
                continue;
            };
            for path in imports(module, &code(text)) {
                let path = match self.layer(&path) {
                    None => exported(path.split("::").next().unwrap_or_default()).unwrap_or_default(),
                    Some(_) => path,
                };
                if self.layer(&path).is_some_and(|other| other > own) {
                    faults.push(format!("{}: {module} imports {path}, which is in a higher layer", self.src));
                }
            }
        }
        faults
    }

    /// The layer of a path: that of the longest room it begins with.
    fn layer(&self, path: &str) -> Option<usize> {
        let begins = |room: &str| path == room || path.strip_prefix(room).is_some_and(|rest| rest.starts_with("::"));
        let rooms =
            self.layers.iter().enumerate().flat_map(|(layer, rooms)| rooms.iter().map(move |room| (layer, *room)));
        rooms.filter(|(_, room)| begins(room)).max_by_key(|(_, room)| room.len()).map(|(layer, _)| layer)
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a source folder").map(|entry| entry.expect("an entry").path());
    let files = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { vec![path] };
    entries.flat_map(files).filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The text without comments, string literals and items below `#[cfg(test)]`.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let skipped = match next {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            'r' if rest.starts_with("r#\"") => 3 + rest[3..].find("\"#").map_or(rest.len() - 3, |end| end + 2),
            '"' => 1 + end_of_string(&rest[1..]),
            '\'' if rest.starts_with("'\"'") => 3,
            _ => 0,
        };
        if skipped == 0 {
            code.push(next);
        }
        rest = &rest[skipped.max(next.len_utf8())..];
    }
    while let Some(start) = code.find("#[cfg(test)]") {
        let end = end_of_item(&code[start..]);
        code.replace_range(start..start + end, "");
    }
    code
}

/// Bytes until the quote that ends a string literal, that one included.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return at + 1,
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Bytes of an item: until its semicolon, or the brace that closes it.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The paths that `module` names below the root of its crate, as far as they begin with `crate` or `super`; of the root
/// itself, those of its `pub use`.
fn imports(module: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(|c: char| c.is_alphabetic() || c == '_') {
        let word_end = rest[at..].find(|c: char| !c.is_alphanumeric() && c != '_').map_or(rest.len(), |end| at + end);
        let word = &rest[at..word_end];
        let begins_path = !rest[..at].ends_with("::") && rest[word_end..].starts_with("::");
        if module.is_empty() && word == "use" {
            let end = rest.find(';').unwrap_or(rest.len());
            tree("", &rest[word_end..end.max(word_end)], &mut found);
            rest = &rest[end.max(word_end)..];
        } else if begins_path && matches!(word, "crate" | "super") {
            let base = if word == "crate" { "" } else { module.rsplit_once("::").map_or("", |(parent, _)| parent) };
            let end = end_of_path(&rest[word_end..]);
            tree(base, &rest[word_end + 2..word_end + end], &mut found);
            rest = &rest[word_end + end..];
        } else {
            rest = &rest[word_end..];
        }
    }
    found
}

/// Bytes of a path after its first word: names, `::`, and the group in braces that may end it.
fn end_of_path(text: &str) -> usize {
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c: char| !plain(c)).unwrap_or(text.len());
    let group = text[..end].ends_with("::") && text[end..].starts_with('{');
    if group { end + end_of_item(&text[end..]) } else { end }
}

/// Adds the paths of a tree such as `a::{b, c::{self, d}}` below `base`.
fn tree(base: &str, text: &str, found: &mut Vec<String>) {
    let text = text.trim();
    let join = |name: &str| if base.is_empty() { name.to_owned() } else { format!("{base}::{name}") };
    if let Some(group) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        let mut depth = 0_usize;
        let parts = group.split(|c: char| {
            depth += usize::from(c == '{');
            depth -= usize::from(c == '}');
            c == ',' && depth == 0
        });
        parts.for_each(|part| tree(base, part, found));
    } else if let Some(rest) = text.strip_prefix("super::") {
        tree(base.rsplit_once("::").map_or("", |(parent, _)| parent), rest, found);
    } else if let Some((name, rest)) = text.split_once("::") {
        tree(&join(name.trim()), rest, found);
    } else if text == "self" {
        found.push(base.to_owned());
    } else if !text.is_empty() {
        found.push(join(text.split_whitespace().next().unwrap_or_default()));
    }
}
