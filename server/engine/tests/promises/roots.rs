//! Roots: paths outside them cannot be reached.

use std::{fs, os::unix::fs::symlink};

use engine::{Error, Roots};
use tempfile::TempDir;

struct Place {
    folder: TempDir,
    roots: Roots,
}

fn place() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["root/music", "root/Archive", "root/.hidden", "root-old", "outside"] {
        fs::create_dir_all(at(name)).expect("made");
    }
    fs::write(at("root/a.txt"), "a").expect("written");
    fs::write(at("outside/secret"), "s").expect("written");
    symlink(at("outside"), at("root/way-out")).expect("linked");
    symlink(at("root/music"), at("root/way-in")).expect("linked");
    symlink("loop", at("root/loop")).expect("linked");
    let roots = Roots::new(&[at("root")]).expect("a folder");
    Place { folder, roots }
}

fn refusal(place: &Place, path: &str) -> String {
    match place.roots.resolve(path) {
        Err(Error::Path(message)) => message,
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn path_inside_root_is_resolved_through_links() {
    let place = place();
    let root = place.roots.paths()[0].clone();
    for path in ["music", "music/", "./music", "way-in", root.join("music").to_str().expect("text")] {
        let real = place.roots.resolve(path).expect("inside");
        assert_eq!(real, root.join("music"), "{path}");
    }
}

#[test]
fn path_escaping_the_root_is_rejected() {
    let place = place();
    let outside = place.folder.path().join("outside").display().to_string();
    let beside = place.folder.path().join("root-old").display().to_string();
    for path in ["way-out", "way-out/secret", "/etc/passwd", "/", &outside, &beside] {
        let message = refusal(&place, path);
        assert!(
            message.contains(path) && message.contains(place.roots.paths()[0].to_str().expect("text")),
            "{message}"
        );
        assert!(message.contains("is not under"), "{message}");
    }
    for path in ["..", "../outside", "music/../../outside"] {
        assert!(refusal(&place, path).contains("`..`"), "{path}");
    }
}

#[test]
fn error_does_not_reveal_files_outside_roots() {
    let place = place();
    let there = refusal(&place, "/etc/passwd").replace("/etc/passwd", "X");
    let not_there = refusal(&place, "/etc/no-such-file").replace("/etc/no-such-file", "X");
    assert_eq!(there, not_there);
}

#[test]
fn missing_or_broken_path_inside_root_is_named() {
    let place = place();
    assert!(refusal(&place, "nothing").contains("does not exist under"));
    assert!(refusal(&place, "loop").contains("cannot be read"));
    assert!(refusal(&place, "").contains("no folder is named"));
    assert!(refusal(&place, "a\0b").contains("NUL"));
}

#[test]
fn folder_picker_stays_inside_roots() {
    let place = place();
    let start = place.roots.list(None).expect("the roots");
    assert_eq!((start.path, start.parent, start.folders.len()), (None, None, 1));
    let listing = place.roots.list(Some(&start.folders[0].path)).expect("a folder");
    let names: Vec<_> = listing.folders.iter().map(|folder| folder.name.as_str()).collect();
    assert_eq!(names, ["Archive", "music", "way-in"]);
    assert_eq!((listing.files, listing.parent, listing.truncated), (1, None, false));
    let inner = place.roots.list(Some(&listing.folders[1].path)).expect("a folder");
    assert_eq!(inner.parent, listing.path);
    assert!(place.roots.list(Some("..")).is_err() && place.roots.list(Some("a.txt")).is_err());
}

#[test]
fn root_that_is_not_a_folder_is_rejected() {
    let place = place();
    for name in ["root/a.txt", "nowhere"] {
        let path = place.folder.path().join(name);
        let error = Roots::new(std::slice::from_ref(&path)).expect_err("not a folder").to_string();
        assert!(error.contains(name), "{error}");
    }
}
