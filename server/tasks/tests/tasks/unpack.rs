//! `unpack`: what is in the zip file, and what is kept out of it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Cursor, Read, Write},
    os::unix::fs::FileExt,
    process::Command,
};

use flate2::{Compression, write::GzEncoder};
use model::{JobId, JobState};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use tasks::{Limits, TaskSettings};
use zip::ZipArchive;

use crate::support::harness::{Ended, TaskHarness};

/// Adds a member of any name and kind, as no program would.
fn add(tar: &mut Builder<Vec<u8>>, kind: EntryType, name: &[u8], target: &[u8], content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_mtime(1_700_000_000);
    header.set_size(content.len() as u64);
    let fields = header.as_old_mut();
    fields.name[..name.len()].copy_from_slice(name);
    fields.linkname[..target.len()].copy_from_slice(target);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

async fn unpack(harness: &TaskHarness, name: &str, archive: &[u8]) -> Ended {
    let upload = harness.upload(name, archive).await;
    harness.run("unpack", json!({ "upload": upload })).await
}

async fn refused(harness: &TaskHarness, input: Value) -> (String, String) {
    let (_, code, message) = harness.fail("unpack", input).await;
    (code, message)
}

/// What the zip file holds: content or target by name, and the permissions.
async fn zip(harness: &TaskHarness, job: JobId, name: &str) -> BTreeMap<String, (Option<u32>, Vec<u8>)> {
    let mut zip = ZipArchive::new(Cursor::new(harness.artifact(job, name).await)).unwrap();
    let all = (0..zip.len()).map(|index| {
        let mut file = zip.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        (file.name().unwrap().into_owned(), (file.unix_mode(), content))
    });
    all.collect()
}

#[tokio::test]
async fn packed_archive_unpacks_compressed_or_not() {
    let harness = TaskHarness::open().await;
    for path in ["docs/a/b", "docs/ü", "docs/empty folder/x"] {
        harness.file(path, path.repeat(1_000));
    }
    std::os::unix::fs::symlink("../ü", harness.root().join("docs/a/link")).unwrap();
    fs::hard_link(harness.root().join("docs/a/b"), harness.root().join("docs/a/same")).unwrap();
    let packed = harness.succeed("archive", json!({ "folder": harness.root().join("docs") })).await;
    let zst = harness.artifact(packed.view.job, "docs.tar.zst").await;
    let tar = zstd::decode_all(zst.as_slice()).unwrap();
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(&tar).unwrap();
    let gz = gz.finish().unwrap();
    for (name, archive) in [("docs.tar.zst", &zst), ("docs.tgz", &gz), ("docs.tar", &tar)] {
        let ended = unpack(&harness, name, archive).await;
        assert_eq!(ended.view.state, JobState::Succeeded, "{name}: {:?}", ended.view.failure);
        assert_eq!(
            (ended.view.progress.value, ended.view.progress.max),
            (archive.len() as u64, Some(archive.len() as u64))
        );
        let found = zip(&harness, ended.view.job, "docs.zip").await;
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                "docs/",
                "docs/a/",
                "docs/a/b",
                "docs/a/link",
                "docs/a/same",
                "docs/empty folder/",
                "docs/empty folder/x",
                "docs/ü"
            ]
        );
        assert_eq!(found["docs/a/b"].1, "docs/a/b".repeat(1_000).as_bytes());
        assert_eq!(found["docs/a/link"], (Some(0o120_777), b"../\xc3\xbc".to_vec()));
        assert_eq!(found["docs/a/same"].1, b"../../docs/a/b");
        assert_eq!(ended.view.progress.warnings, 0);
    }
    let path = harness.file("server.tar.zst", &zst);
    assert_eq!(harness.succeed("unpack", json!({ "path": path })).await.output["files"], 3);
}

#[tokio::test]
async fn entry_outside_the_archive_is_skipped_with_warning() {
    let harness = TaskHarness::open().await;
    let mut tar = Builder::new(Vec::new());
    add(&mut tar, EntryType::Regular, b"./good", b"", b"fine");
    let bad: [(EntryType, &[u8], &[u8], &str); 14] = [
        (EntryType::Regular, b"../evil", b"", "leads out"),
        (EntryType::Regular, b"/etc/evil", b"", "leads out"),
        (EntryType::Regular, b"a/../../evil", b"", "leads out"),
        (EntryType::Regular, b"c:\\evil", b"", "backslash"),
        (EntryType::Regular, b"line\nbreak", b"", "backslash or a control"),
        (EntryType::Regular, b"good", b"", "another one of its name"),
        (EntryType::Regular, b"good/deeper", b"", "no folder"),
        (EntryType::Symlink, b"out", b"/etc", "link that leads out"),
        (EntryType::Symlink, b"up", b"../..", "link that leads out"),
        (EntryType::Symlink, b"around", b"d/../..", "link that leads out"),
        (EntryType::Link, b"hard", b"/etc/passwd", "leads out"),
        (EntryType::Link, b"none", b"not there", "not in the archive"),
        (EntryType::Char, b"null", b"", "device"),
        (EntryType::Fifo, b"pipe", b"", "device"),
    ];
    for (kind, name, target, _) in bad {
        add(&mut tar, kind, name, target, b"");
    }
    add(&mut tar, EntryType::Symlink, b"d", b"somewhere", b"");
    add(&mut tar, EntryType::Regular, b"d/through", b"", b"evil");
    add(&mut tar, EntryType::Regular, b"caf\xe9", b"", b"latin");
    let ended = unpack(&harness, "../evil.tar", &tar.into_inner().unwrap()).await;
    assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
    let found = zip(&harness, ended.view.job, "evil.zip").await;
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, ["caf\u{fffd}", "d", "good"]);
    assert_eq!(found["good"], (Some(0o100_755), b"fine".to_vec()), "without the bit of another owner");
    assert_eq!((ended.output["left_out"].as_u64(), ended.output["renamed"].as_u64()), (Some(15), Some(1)));
    assert_eq!(ended.view.progress.warnings, 16);
    let log = harness.log(ended.view.job).await;
    for (_, name, _, reason) in bad {
        let name = String::from_utf8_lossy(name).replace('\n', "\\n");
        let is_told = |line: &str| line.starts_with(&format!("{name}: left out: ")) && line.contains(reason);
        assert!(log.lines().any(is_told), "{name}: {reason} in {log}");
    }
}

/// A header that says so much of what follows it.
fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(size);
    header.set_cksum();
    header
}

/// Zeros, compressed as they are made.
fn zeros(length: u64) -> Vec<u8> {
    let mut zst = zstd::Encoder::new(Vec::new(), 1).unwrap();
    zst.write_all(header(EntryType::Regular, b"zeros", length).as_bytes()).unwrap();
    io::copy(&mut io::repeat(0).take(length + 1_024), &mut zst).unwrap();
    zst.finish().unwrap()
}

#[tokio::test]
async fn zip_bomb_is_rejected() {
    let limits = Limits { names: 100, ..Limits::default() };
    let harness = TaskHarness::with(TaskSettings { limits, ..TaskSettings::default() }).await;
    let large = header(EntryType::Regular, b"large", 1_500_000_000);
    let upload = harness.upload("large.tar", [large.as_bytes().as_slice(), &[0; 4_096]].concat()).await;
    let (code, message) = refused(&harness, json!({ "upload": upload, "limit": 1 })).await;
    assert_eq!(code, "too_large");
    assert!(message.contains("more than 1.0 GB") && message.contains("higher limit"), "{message}");

    // One member after the other, each small, whether it is kept or not.
    for outside in ["", "../"] {
        let mut tar = Builder::new(Vec::new());
        for number in 0..102 {
            add(&mut tar, EntryType::Regular, format!("{outside}{number}").as_bytes(), b"", b"");
        }
        let upload = harness.upload("many.tar", tar.into_inner().unwrap()).await;
        let (code, message) = refused(&harness, json!({ "upload": upload })).await;
        assert_eq!((code.as_str(), message.contains("more than 100 names")), ("too_many_files", true), "{message}");
    }

    // A name of a gigabyte, and one description after the other of what never comes.
    for (kind, size, times) in [
        (EntryType::GNULongName, 1 << 30, 1),
        (EntryType::XHeader, 1 << 30, 1),
        (EntryType::XGlobalHeader, 1 << 20, 20),
        (EntryType::GNULongName, 0, 50_000),
    ] {
        let mut zst = zstd::Encoder::new(Vec::new(), 1).unwrap();
        for _ in 0..times {
            zst.write_all(header(kind, b"name", size).as_bytes()).unwrap();
            io::copy(&mut io::repeat(b'x').take(size.min(1 << 20)), &mut zst).unwrap();
        }
        let upload = harness.upload("name.tar.zst", zst.finish().unwrap()).await;
        let (code, message) = refused(&harness, json!({ "upload": upload })).await;
        assert_eq!((code.as_str(), message.contains("more than 1 MiB")), ("bad_archive", true), "{message}");
    }
}

#[tokio::test]
async fn archive_metadata_counts_towards_the_limit() {
    let harness = TaskHarness::open().await;
    // As much about each member as is read, and nothing in them.
    let mut zst = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let description = vec![b'x'; 1 << 20];
    for number in 0..1_000 {
        zst.write_all(header(EntryType::XGlobalHeader, b"about", 1 << 20).as_bytes()).unwrap();
        zst.write_all(&description).unwrap();
        zst.write_all(header(EntryType::Regular, format!("{number}").as_bytes(), 0).as_bytes()).unwrap();
    }
    zst.write_all(&[0; 1_024]).unwrap();
    let upload = harness.upload("about.tar.zst", zst.finish().unwrap()).await;
    assert_eq!(refused(&harness, json!({ "upload": upload, "limit": 1 })).await.0, "too_large");
    assert_eq!(harness.succeed("unpack", json!({ "upload": upload, "limit": 2 })).await.output["files"], 1_000);
}

#[tokio::test]
async fn sparse_file_is_skipped_and_later_files_are_kept() {
    let harness = TaskHarness::open().await;
    let file = File::create(harness.file("sparse/holes", "")).unwrap();
    // More pieces than a header has room for.
    for piece in 0..40 {
        file.write_all_at(b"piece", piece * 1_000_000).unwrap();
    }
    harness.file("sparse/last", "last");
    for format in ["gnu", "pax"] {
        let tar = harness.root().join("sparse.tar");
        let mut program = Command::new("tar");
        program.arg("-cSf").arg(&tar).arg(format!("--format={format}")).arg("-C").arg(harness.root()).arg("sparse");
        assert!(program.status().unwrap().success());
        let ended = harness.succeed("unpack", json!({ "path": tar })).await;
        let found = zip(&harness, ended.view.job, "sparse.zip").await;
        assert_eq!(found.keys().collect::<Vec<_>>(), ["sparse/", "sparse/last"], "{format}");
        assert!(harness.log(ended.view.job).await.contains("holes: left out: it is a sparse file"), "{format}");
    }
}

#[tokio::test]
async fn skippable_frames_are_skipped() {
    let harness = TaskHarness::open().await;
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let upload = harness.upload("parallel.tar.zst", [skipped.as_slice(), &zeros(1_000), &skipped].concat()).await;
    assert_eq!(harness.succeed("unpack", json!({ "upload": upload })).await.output["bytes"], 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_or_broken_archive_fails() {
    let harness = TaskHarness::open().await;
    let good = zeros(100_000);
    let tar = zstd::decode_all(good.as_slice()).unwrap();
    let cut = &good[..good.len() - 4];
    for (archive, hint) in [
        (b"".as_slice(), "not a tar archive"),
        (b"PK\x03\x04 and more", "a zip file already"),
        (b"\xfd7zXZ\0 and more", "xz -d"),
        (&[b'x'; 4_000], "not a tar archive"),
        (&tar[..50_000], "breaks off"),
        (cut, "cannot be unpacked"),
        (b"\x1f\x8b\x08\x00 nothing", "cannot be unpacked"),
    ] {
        let upload = harness.upload("broken.tar", archive).await;
        let (code, message) = refused(&harness, json!({ "upload": upload })).await;
        assert_eq!((code.as_str(), message.contains(hint)), ("bad_archive", true), "{message}");
    }
    // Any bit may be wrong: that harms the job alone.
    let mut random = StdRng::seed_from_u64(20_261_122);
    for _ in 0..60 {
        let mut archive = if random.random() { good.clone() } else { tar[..2_048].to_vec() };
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..archive.len());
            archive[at] ^= 1 << random.random_range(0..8);
        }
        let ended = unpack(&harness, "odd.tar", &archive).await;
        assert!(ended.view.failure.as_ref().is_none_or(|failure| !failure.message.contains("panicked")));
        let code = ended.view.failure.map(|failure| failure.code);
        assert!(matches!(code.as_deref(), None | Some("bad_archive" | "too_large")), "{code:?}");
    }
}

#[tokio::test]
async fn upload_or_path_is_required_not_both() {
    let harness = TaskHarness::open().await;
    let path = harness.file("a.tar", "");
    let upload = harness.upload("a.tar", "").await;
    for (input, hint) in [(json!({}), "upload"), (json!({ "upload": upload, "path": path }), "path")] {
        let refused = format!("{:?}", harness.try_start("unpack", input).await.unwrap_err());
        assert!(refused.contains(&format!("field: \"{hint}\"")), "{refused}");
    }
}
