//! `archive`, judged by what `tar` makes of the result.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File, Permissions},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, symlink},
    },
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, UNIX_EPOCH},
};

use model::{JobId, JobState};
use rand::{RngCore, SeedableRng, rngs::StdRng};
use serde_json::json;
use tempfile::TempDir;

use crate::support::harness::TaskHarness;

/// The visible properties of a file: kind, permissions, time, content or target.
type Seen = (char, u32, i64, Vec<u8>);

/// All that lies below a folder.
fn seen(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let (kind, mode, content) = if meta.is_symlink() {
                ('l', 0, fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec())
            } else if meta.is_dir() {
                folders.push(path.clone());
                ('d', meta.mode() & 0o7777, Vec::new())
            } else {
                ('f', meta.mode() & 0o7777, fs::read(&path).unwrap())
            };
            all.insert(path.strip_prefix(folder).unwrap().to_owned(), (kind, mode, meta.mtime(), content));
        }
    }
    all
}

/// What `tar` unpacks of the archive that a job made of the folder `from`.
async fn unpacked(harness: &TaskHarness, job: JobId, from: &str) -> (TempDir, PathBuf) {
    let archive = harness.artifact(job, &format!("{from}.tar.zst")).await;
    let tar = tempfile::NamedTempFile::new().unwrap();
    zstd::stream::copy_decode(archive.as_slice(), File::create(tar.path()).unwrap()).unwrap();
    let to = TempDir::new().unwrap();
    let done = Command::new("tar").arg("-xpf").arg(tar.path()).arg("-C").arg(to.path()).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    let folder = to.path().join(from);
    (to, folder)
}

fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(length as u64).fill_bytes(&mut bytes);
    bytes
}

#[tokio::test]
async fn archive_unpacked_by_tar_equals_the_folder() {
    let harness = TaskHarness::open().await;
    let root = harness.root().join("stuff");
    for path in ["a-b", "a/b", "a/c/d", "ü", "with space", "-", "new\nline"] {
        harness.file(&format!("stuff/{path}"), path);
    }
    harness.file("stuff/empty", "");
    harness.file("stuff/large", noise(3_000_000));
    let long = format!("stuff/{}/{}", "l".repeat(200), "m".repeat(200));
    harness.file(&long, "long");
    fs::write(root.join(OsStr::from_bytes(b"caf\xe9")), "latin").unwrap();
    fs::create_dir_all(root.join("nothing/in/it")).unwrap();
    symlink("a/b", root.join("link")).unwrap();
    symlink("/somewhere/else", root.join("away")).unwrap();
    symlink("../".repeat(60), root.join("far")).unwrap();
    fs::hard_link(root.join("large"), root.join("other name")).unwrap();
    File::create(root.join("sparse")).unwrap().set_len(30_000_000).unwrap();
    fs::set_permissions(root.join("a/b"), Permissions::from_mode(0o4750)).unwrap();
    fs::set_permissions(root.join("a/c"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&root, Permissions::from_mode(0o750)).unwrap();
    File::open(root.join("a-b")).unwrap().set_modified(UNIX_EPOCH + Duration::from_secs(987_654_321)).unwrap();

    let ended = harness.succeed("archive", json!({ "folder": root, "level": 19 })).await;
    let (_kept, found) = unpacked(&harness, ended.view.job, "stuff").await;
    assert_eq!(seen(&found), seen(&root));
    assert_eq!(fs::metadata(&found).unwrap().mode(), fs::metadata(&root).unwrap().mode(), "the folder itself is kept");
    let number = |name: &str| fs::metadata(found.join(name)).unwrap().ino();
    assert_eq!(number("large"), number("other name"), "one file of two names stays one");
    for (what, count) in [("files", 12), ("symbolic_links", 3), ("hard_links", 1), ("folders", 6), ("unreadable", 0)] {
        assert_eq!(ended.output[what], count, "{what}: {}", ended.output);
    }
    let archive = harness.artifact(ended.view.job, "stuff.tar.zst").await;
    assert_eq!(ended.output["digest"], blake3::hash(&archive).to_hex().as_str());
    assert_eq!(ended.output["archive_bytes"], archive.len());
    assert!(archive.len() < 3_200_000, "holes cost next to nothing: {}", archive.len());

    let manifest = harness.artifact(ended.view.job, "B3SUMS").await;
    let upload = harness.upload("B3SUMS", manifest).await;
    let input = json!({ "folder": root, "algorithm": "blake3", "manifest": upload });
    assert_eq!(harness.succeed("checksum", input).await.output["matched"], 12);
}

#[tokio::test]
async fn unreadable_entry_is_a_warning_empty_folder_an_archive() {
    let harness = TaskHarness::open().await;
    harness.file("with/file", "x");
    fs::create_dir(harness.root().join("empty")).unwrap();
    assert!(Command::new("mkfifo").arg(harness.root().join("with/pipe")).status().unwrap().success());
    let ended = harness.succeed("archive", json!({ "folder": harness.root().join("with") })).await;
    assert_eq!((ended.output["specials"].as_u64(), ended.view.progress.warnings), (Some(1), 1));
    assert!(harness.log(ended.view.job).await.contains("pipe: skipped: device, socket or pipe"));
    let (_kept, found) = unpacked(&harness, ended.view.job, "with").await;
    assert_eq!(seen(&found).len(), 1);

    let ended = harness.succeed("archive", json!({ "folder": harness.root().join("empty") })).await;
    assert_eq!(ended.output["files"], 0);
    let (_kept, found) = unpacked(&harness, ended.view.job, "empty").await;
    assert!(found.is_dir() && seen(&found).is_empty());
}

#[tokio::test]
async fn file_as_folder_and_level_out_of_range_are_rejected() {
    let harness = TaskHarness::open().await;
    let file = harness.file("file", "x");
    let (_, code, message) = harness.fail("archive", json!({ "folder": file })).await;
    assert_eq!((code.as_str(), message.contains("choose the folder it lies in")), ("not_a_folder", true), "{message}");
    for level in [0, 20] {
        let refused =
            harness.try_start("archive", json!({ "folder": harness.root(), "level": level })).await.unwrap_err();
        assert!(format!("{refused:?}").contains("from 1 to 19"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resumed_archive_has_the_same_content() {
    let harness = TaskHarness::with_checkpoints().await;
    for number in 0..100 {
        harness.file(&format!("many/{}/{number}", number % 10), noise(150 * number));
    }
    let folder = harness.root().join("many");
    assert!(Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap().success());
    let pieces = harness.succeed_in_pieces("archive", json!({ "folder": folder })).await;
    let whole = harness.succeed("archive", json!({ "folder": folder })).await;
    for what in ["files", "bytes", "folders", "specials", "unreadable", "incomplete"] {
        assert_eq!(pieces.output[what], whole.output[what], "{what}");
    }
    assert_eq!(pieces.view.progress.warnings, 1, "each is given once");
    let manifest = async |job| harness.artifact(job, "B3SUMS").await;
    assert_eq!(manifest(pieces.view.job).await, manifest(whole.view.job).await);
    let (_kept, found) = unpacked(&harness, pieces.view.job, "many").await;
    fs::remove_file(folder.join("pipe")).unwrap();
    let files = |folder: &Path| {
        let mut all = seen(folder);
        all.retain(|_, seen| seen.0 == 'f');
        all
    };
    assert_eq!(files(&found), files(&folder));
}

/// Packs a folder until part of a large file in it is kept, and stops there.
async fn half_packed(harness: &TaskHarness, folder: &Path) -> JobId {
    for _ in 0..20 {
        let job = harness.start("archive", json!({ "folder": folder, "level": 1 })).await;
        if harness.has_checkpoint(job, |data| data["mark"]["half"]["read"].as_u64().is_some_and(|read| read > 0)).await
        {
            harness.engine.cancel(job, "tester").await.unwrap();
            if harness.ended(job).await.view.state == JobState::Cancelled {
                return job;
            }
        }
    }
    panic!("it ends before it can be stopped, every time");
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_resumes_inside_a_file_unless_it_changed() {
    let harness = TaskHarness::with_checkpoints().await;
    let folder = harness.root().join("one");
    harness.file("one/after", "after");
    harness.file("one/before", "before");
    let large = harness.file("one/large", noise(1_000_000));
    File::options().append(true).open(&large).unwrap().set_len(10_000_000).unwrap();
    for change in ["nothing", "content", "length", "all of it"] {
        let job = half_packed(&harness, &folder).await;
        match change {
            "content" => fs::write(&large, noise(5_000_000)).unwrap(),
            "length" => File::options().append(true).open(&large).unwrap().set_len(10).unwrap(),
            "all of it" => fs::remove_file(&large).unwrap(),
            _ => {}
        }
        harness.engine.retry(job, "tester").await.unwrap();
        let ended = harness.ended(job).await;
        assert_eq!(ended.view.state, JobState::Succeeded, "{change}: {:?}", ended.view.failure);
        assert!(harness.log(job).await.contains(" of the next one"), "{change}");
        let (_kept, found) = unpacked(&harness, job, "one").await;
        assert!(seen(&found) == seen(&folder), "{change}");
        assert_eq!(ended.view.progress.warnings, u64::from(change == "all of it"), "{change}");
        File::options().create(true).append(true).open(&large).unwrap().set_len(10_000_000).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_archive_is_not_published() {
    let harness = TaskHarness::open().await;
    harness.file("much/noise", noise(500_000));
    let zeros = File::create(harness.root().join("much/zeros")).unwrap();
    for doubled in 0..6 {
        // Where a machine is too fast for it to be caught while it is read back, twice as much.
        zeros.set_len(100_000_000 << doubled).unwrap();
        let job = harness.start("archive", json!({ "folder": harness.root().join("much"), "level": 1 })).await;
        if !harness.has_checkpoint(job, |data| data["packed"] == true).await {
            continue;
        }
        harness.engine.cancel(job, "tester").await.unwrap();
        if harness.ended(job).await.view.state != JobState::Cancelled {
            continue;
        }
        let archive = harness.engine.data_dir().work(job).join("1/archive");
        let mut bytes = fs::read(&archive).unwrap();
        bytes[250_000] ^= 1;
        fs::write(&archive, bytes).unwrap();
        harness.engine.retry(job, "tester").await.unwrap();
        let ended = harness.ended(job).await;
        assert_eq!(ended.view.failure.map(|failure| failure.code), Some("verify_failed".to_owned()));
        assert!(harness.engine.artifact(job, "much.tar.zst").await.is_err());
        return;
    }
    panic!("it is read back before it can be stopped, every time");
}

#[tokio::test(flavor = "multi_thread")]
async fn file_truncated_while_packed_is_a_warning() {
    let harness = TaskHarness::open().await;
    let folder = harness.root().join("busy");
    fs::create_dir(&folder).unwrap();
    harness.file("busy/z", "what comes behind it");
    let file = File::create(folder.join("a")).unwrap();
    for doubled in 0..6 {
        // Where a machine is too fast for it to be cut short in time, twice as much.
        let length = 100_000_000 << doubled;
        file.set_len(length).unwrap();
        let job = harness.start("archive", json!({ "folder": folder, "level": 1 })).await;
        harness
            .when(job, |view| view.progress.unit == "B" && view.progress.value > 0 || view.state.is_terminal())
            .await;
        file.set_len(1).unwrap();
        let ended = harness.ended(job).await;
        assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
        let log = harness.log(job).await;
        if !log.contains("a: was cut short after ") {
            continue;
        }
        assert_eq!((ended.output["incomplete"].as_u64(), ended.view.progress.warnings), (Some(1), 1));
        let (_kept, found) = unpacked(&harness, job, "busy").await;
        assert_eq!(fs::metadata(found.join("a")).unwrap().len(), length, "what its header says");
        assert_eq!(fs::read_to_string(found.join("z")).unwrap(), "what comes behind it");
        return;
    }
    panic!("it is packed before it can be cut short, every time");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_archive_stops_inside_a_file() {
    let harness = TaskHarness::open().await;
    fs::create_dir(harness.root().join("endless")).unwrap();
    File::create(harness.root().join("endless/zeros")).unwrap().set_len(1 << 40).unwrap();
    let job = harness.start("archive", json!({ "folder": harness.root().join("endless"), "level": 1 })).await;
    harness.when(job, |view| view.progress.unit == "B" && view.progress.value > 0).await;
    harness.engine.cancel(job, "tester").await.unwrap();
    let ended = harness.ended(job).await;
    assert_eq!(ended.view.state, JobState::Cancelled);
    assert!(harness.engine.artifact(job, "endless.tar.zst").await.is_err());
}
