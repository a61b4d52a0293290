//! Roots: paths outside them cannot be reached.

use std::{fs, os::unix::fs::symlink};

use engine::{Error, Roots};
use model::{FolderEntry, PathKind};
use rustix::fs::{CWD, FileType, Mode, mknodat};
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

fn names(entries: &[FolderEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.name.as_str()).collect()
}

#[test]
fn path_picker_stays_inside_roots() {
    let place = place();
    let root = place.roots.paths()[0].display().to_string();
    let listing = place.roots.list(None, PathKind::Folder).expect("the only root");
    assert_eq!((listing.path.as_deref(), listing.parent.as_deref()), (Some(&*root), None));
    assert_eq!(names(&listing.folders), ["Archive", "music", "way-in"]);
    assert_eq!((listing.files, listing.choosable, listing.truncated), (1, true, false));
    assert_eq!(listing.choices, [], "a field for folders takes no files");
    let inner = place.roots.list(Some(&listing.folders[1].path), PathKind::Folder).expect("a folder");
    assert_eq!(inner.parent, listing.path);
    for path in ["..", "a.txt", "way-out"] {
        assert!(place.roots.list(Some(path), PathKind::Folder).is_err(), "{path}");
    }
}

#[test]
fn several_roots_are_listed_above_them() {
    let place = place();
    let roots = [place.folder.path().join("root/music"), place.folder.path().join("root-old")];
    let roots = Roots::new(&roots).expect("folders");
    let top = roots.list(None, PathKind::Any).expect("the roots");
    assert_eq!((top.path, top.parent, top.choosable, top.folders.len()), (None, None, false, 2));
    let first = roots.list(Some(&top.folders[0].path), PathKind::Any).expect("a root");
    assert_eq!(first.parent.as_deref(), Some(""), "one step up is the list of roots");
}

#[test]
fn path_picker_lists_regular_files_where_a_field_takes_them() {
    let place = place();
    let at = |name: &str| place.folder.path().join("root").join(name);
    for name in [".secret", "b\u{202e}gpj.tar"] {
        fs::write(at(name), "x").expect("written");
    }
    fs::write(at("music").join("song"), "x").expect("written");
    symlink(at("a.txt"), at("link-in")).expect("linked");
    symlink(place.folder.path().join("outside/secret"), at("link-out")).expect("linked");
    symlink("/dev/null", at("device")).expect("linked");
    mknodat(CWD, at("pipe"), FileType::Fifo, Mode::RWXU, 0).expect("made");

    let listing = place.roots.list(None, PathKind::File).expect("the root");
    assert_eq!(names(&listing.choices), ["a.txt", "b\u{fffd}gpj.tar", "link-in"]);
    assert!(listing.choices[1].path.ends_with("b\u{202e}gpj.tar"), "a choice is the path itself");
    assert!(!listing.choosable);
    assert!(place.roots.list(None, PathKind::Any).expect("the root").choosable);

    // A file that is chosen already opens its folder.
    let beside = place.roots.list(Some("music/song"), PathKind::File).expect("a folder");
    assert_eq!(beside.path.as_deref(), at("music").canonicalize().expect("there").to_str());
    for path in ["link-out", "/etc/passwd", "pipe"] {
        assert!(place.roots.list(Some(path), PathKind::File).is_err(), "{path}");
    }
}

#[test]
fn long_listing_is_cut() {
    let place = place();
    for number in 0..2_500 {
        fs::write(place.folder.path().join(format!("root/music/{number:04}")), "").expect("written");
    }
    let listing = place.roots.list(Some("music"), PathKind::File).expect("a folder");
    assert_eq!((listing.choices.len(), listing.files, listing.truncated), (1_000, 2_500, true));
    assert_eq!(listing.choices[999].name, "0999");
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
