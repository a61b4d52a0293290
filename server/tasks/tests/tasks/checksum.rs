//! `checksum`, beside the programs whose format it speaks.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    process::Command,
};

use model::JobState;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::harness::TaskHarness;

/// Runs `sha256sum -c` on a manifest, in the folder.
fn assert_accepted(folder: &Path, manifest: &[u8]) {
    let kept = tempfile::NamedTempFile::new().unwrap();
    fs::write(kept.path(), manifest).unwrap();
    let checked =
        Command::new("sha256sum").args(["--check", "--strict"]).arg(kept.path()).current_dir(folder).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    assert!(checked.stderr.is_empty(), "{}", String::from_utf8_lossy(&checked.stderr));
}

/// The manifest of the whole root.
async fn manifest(harness: &TaskHarness) -> (Value, Vec<u8>) {
    let ended = harness.succeed("checksum", json!({ "folder": harness.root() })).await;
    (ended.output, harness.artifact(ended.view.job, "SHA256SUMS").await)
}

#[tokio::test]
async fn manifest_is_sorted_relative_and_valid_for_sha256sum() {
    let harness = TaskHarness::open().await;
    for path in ["b", "a/b", "a-b", "a/nested/deeper/c", "empty", "with space", "-", "*star", "ü"] {
        harness.file(path, path);
    }
    harness.file("empty", "");
    harness.file("large", vec![7; 3_000_000]);
    let (output, manifest) = manifest(&harness).await;
    assert_accepted(&harness.root(), &manifest);
    assert_eq!(output["files"], 10);
    let text = String::from_utf8(manifest).unwrap();
    let paths: Vec<&str> = text.lines().map(|line| &line[66..]).collect();
    assert_eq!(
        paths,
        ["*star", "./-", "a-b", "a/b", "a/nested/deeper/c", "b", "empty", "large", "with space", "ü"],
        "in the order of their bytes"
    );
}

#[tokio::test]
async fn any_file_name_survives_a_round_trip() {
    let harness = TaskHarness::open().await;
    let mut random = StdRng::seed_from_u64(20_261_121);
    let alphabet = b"\\\\\\\n\n\r\r *-abn\xff\xc3\xa9\t\"'$";
    let mut names = std::collections::BTreeSet::new();
    while names.len() < 400 {
        let name: Vec<u8> =
            (0..random.random_range(1..12)).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
        names.insert(name);
    }
    for name in &names {
        fs::write(harness.root().join(OsStr::from_bytes(name)), name).unwrap();
    }
    let (_, manifest) = manifest(&harness).await;
    assert_accepted(&harness.root(), &manifest);

    let upload = harness.upload("SHA256SUMS", &manifest).await;
    let verified = harness.succeed("checksum", json!({ "folder": harness.root(), "manifest": upload })).await;
    assert_eq!(verified.output["matched"], names.len());
    assert_eq!(verified.output["not_listed"], 0);
    assert_eq!(verified.view.progress.warnings, 0);
}

#[tokio::test]
async fn blake3_manifest_equals_b3sum() {
    let harness = TaskHarness::open().await;
    harness.file("empty", "");
    harness.file("a\\b", "abc");
    let ended = harness.succeed("checksum", json!({ "folder": harness.root(), "algorithm": "blake3" })).await;
    let manifest = String::from_utf8(harness.artifact(ended.view.job, "B3SUMS").await).unwrap();
    // The vectors of the BLAKE3 paper.
    assert_eq!(
        manifest,
        "\\6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85  a\\\\b\n\
         af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262  empty\n"
    );
}

#[tokio::test]
async fn links_and_pipes_are_skipped_and_counted() {
    let harness = TaskHarness::open().await;
    harness.file("real", "x");
    symlink("real", harness.root().join("link")).unwrap();
    symlink("/etc", harness.root().join("away")).unwrap();
    assert!(Command::new("mkfifo").arg(harness.root().join("pipe")).status().unwrap().success());
    let (output, manifest) = manifest(&harness).await;
    assert_eq!(String::from_utf8(manifest).unwrap().lines().count(), 1);
    assert_eq!((output["links_skipped"].as_u64(), output["specials_skipped"].as_u64()), (Some(2), Some(1)));
}

#[tokio::test]
async fn unreadable_file_is_a_warning_with_its_name() {
    let harness = TaskHarness::open().await;
    harness.file("good", "x");
    // A path longer than any may be: not to be opened by anybody, not even root.
    let script = "n=$(printf %0250d 1); for i in $(seq 16); do mkdir $n && cd $n || exit 1; done; echo x > $n";
    assert!(Command::new("sh").args(["-c", script]).current_dir(harness.root()).status().unwrap().success());
    let ended = harness.succeed("checksum", json!({ "folder": harness.root() })).await;
    assert_eq!((ended.output["files"].as_u64(), ended.output["unreadable"].as_u64()), (Some(1), Some(1)));
    assert_eq!(ended.view.progress.warnings, 1);
    let log = harness.log(ended.view.job).await;
    assert!(log.contains("0001/000") && log.contains("too long"), "{log}");
}

#[tokio::test]
async fn changed_folder_fails_verification_with_a_report() {
    let harness = TaskHarness::open().await;
    for path in ["same", "changed", "gone"] {
        harness.file(path, path);
    }
    let (_, manifest) = manifest(&harness).await;
    harness.file("changed", "other");
    harness.file("new", "new");
    fs::remove_file(harness.root().join("gone")).unwrap();
    let upload = harness.upload("SHA256SUMS", [&manifest[..], b"not a line\n"].concat()).await;
    let (job, code, message) = harness.fail("checksum", json!({ "folder": harness.root(), "manifest": upload })).await;
    assert_eq!(code, "mismatch");
    assert!(message.contains("2 of 3") && message.contains("1 changed, 1 missing"), "{message}");
    let report = String::from_utf8(harness.artifact(job, "verification.txt").await).unwrap();
    assert_eq!(report, "changed\tchanged\nmissing\tgone\nok\tsame\nnot listed\tnew\n");
    let data = harness.engine.job(job).await.unwrap().progress.data.unwrap();
    assert_eq!((data["bad_lines"].as_u64(), data["not_listed"].as_u64()), (Some(1), Some(1)));
}

#[tokio::test]
async fn manifest_path_outside_the_folder_is_rejected() {
    let harness = TaskHarness::open().await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret").unwrap();
    harness.file("inside/file", "x");
    symlink(secret.path(), harness.root().join("inside/link")).unwrap();
    let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
    let manifest = format!("{hex}  link\n{hex}  ../inside/file\n{hex}  /etc/passwd\n");
    let upload = harness.upload("SHA256SUMS", manifest).await;
    let input = json!({ "folder": harness.root().join("inside"), "manifest": upload });
    let (job, code, _) = harness.fail("checksum", input).await;
    assert_eq!(code, "mismatch");
    let report = String::from_utf8(harness.artifact(job, "verification.txt").await).unwrap();
    assert_eq!(report, "unreadable\tlink\nnot listed\tfile\n");
}

#[tokio::test]
async fn other_file_as_manifest_is_rejected() {
    let harness = TaskHarness::open().await;
    harness.file("a", "a");
    let folder = harness.root();
    let fails = async |content: String| {
        let upload = harness.upload("SHA256SUMS", content).await;
        harness.fail("checksum", json!({ "folder": folder, "manifest": upload })).await.1
    };
    assert_eq!(fails("hello\n".repeat(10)).await, "bad_manifest");
    assert_eq!(fails(String::new()).await, "bad_manifest");
    assert_eq!(fails(format!("BLAKE3 (a) = {}\n", "0".repeat(64))).await, "other_algorithm");
}

#[tokio::test]
async fn empty_folder_has_empty_manifest() {
    let harness = TaskHarness::open().await;
    let (output, manifest) = manifest(&harness).await;
    assert!(manifest.is_empty());
    assert_eq!(output["files"], 0);
}

#[tokio::test]
async fn cancelled_checksum_stops_inside_a_file_without_manifest() {
    let harness = TaskHarness::open().await;
    // A hole takes no space, and hours to hash.
    fs::File::create(harness.root().join("huge")).unwrap().set_len(4 << 40).unwrap();
    let job = harness.start("checksum", json!({ "folder": harness.root() })).await;
    harness.when(job, |view| view.progress.unit == "B" && view.progress.value > 0).await;
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    assert!(harness.engine.store().artifacts(job).await.unwrap().is_empty());
}

#[tokio::test]
async fn file_in_place_of_folder_is_rejected() {
    let harness = TaskHarness::open().await;
    let file = harness.file("file", "x");
    let (_, code, message) = harness.fail("checksum", json!({ "folder": file })).await;
    assert_eq!(code, "not_a_folder");
    assert!(message.contains("file"), "{message}");
}
