//! Folders and files that are exchanged while tasks read them. Someone who may write below a root must not make a task read
//! what lies outside, nor make it wait for ever.

use std::{
    fs::{self, File},
    io::{Cursor, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use image::{ImageFormat, RgbImage};
use model::PathKind;
use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use serde_json::{Value, json};
use tar::{Builder, Header};
use tempfile::TempDir;
use zip::ZipArchive;

use crate::support::harness::{Ended, TaskHarness};

const STOLEN: &str = "words from outside the root";
const OWN: &str = "words from inside";
/// Jobs of one test. Before the fix, one of three read the outside.
const JOBS: usize = 40;

/// Exchanges two paths all the time until it is dropped.
struct Swapper {
    ended: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<usize>>,
}

impl Swapper {
    fn of(one: PathBuf, other: PathBuf) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&ended);
        let swap = move || {
            let mut swaps: usize = 0;
            while !own.load(Ordering::Relaxed) {
                renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
                swaps += 1;
            }
            swaps
        };
        Self { ended, thread: Some(thread::spawn(swap)) }
    }

    fn stop(mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let swaps = self.thread.take().unwrap().join().unwrap();
        assert!(swaps > JOBS, "{swaps} swaps are too few to show anything");
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// A root with a folder `box/a` and a link `box/b` to another folder outside that looks the same.
struct Scene {
    harness: TaskHarness,
    outside: TempDir,
}

impl Scene {
    async fn open() -> Self {
        let (harness, outside) = (TaskHarness::open().await, TempDir::new().unwrap());
        let root = harness.root();
        fs::create_dir_all(root.join("box/a")).unwrap();
        symlink(outside.path(), root.join("box/b")).unwrap();
        Self { harness, outside }
    }

    /// Puts a file into both folders.
    fn file(&self, name: &str, inside: impl AsRef<[u8]>, outside: impl AsRef<[u8]>) {
        fs::write(self.harness.root().join("box/a").join(name), inside).unwrap();
        fs::write(self.outside.path().join(name), outside).unwrap();
    }

    fn swapper(&self) -> Swapper {
        Swapper::of(self.harness.root().join("box/a"), self.harness.root().join("box/b"))
    }

    /// Runs a kind again and again while the two are exchanged; `look` is shown what was made.
    async fn attack(&self, kind: &str, inputs: &[Value], look: impl AsyncFn(&TaskHarness, &Ended)) {
        let swapper = self.swapper();
        for round in 0..JOBS {
            // Refused where the path leads outside just then.
            let Ok(job) = self.harness.try_start(kind, inputs[round % inputs.len()].clone()).await else { continue };
            look(&self.harness, &self.harness.ended(job).await).await;
        }
        swapper.stop();
    }
}

/// An artifact, where the job made one.
async fn made(harness: &TaskHarness, ended: &Ended, name: &str) -> Option<Vec<u8>> {
    let (_, path) = harness.engine.artifact(ended.view.job, name).await.ok()?;
    Some(fs::read(path).unwrap())
}

fn holds(content: &[u8], words: &str) -> bool {
    memchr::memmem::find(content, words.as_bytes()).is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_has_nothing_of_exchanged_folder() {
    let scene = Scene::open().await;
    for number in 0..20 {
        scene.file(&format!("{number}.txt"), OWN, STOLEN);
    }
    let inputs = [json!({ "folder": "box" }), json!({ "folder": "box/a" })];
    let look = async |harness: &TaskHarness, ended: &Ended| {
        for name in ["box.tar.zst", "a.tar.zst", "b.tar.zst"] {
            let Some(archive) = made(harness, ended, name).await else { continue };
            let tar = zstd::stream::decode_all(archive.as_slice()).unwrap();
            assert!(!holds(&tar, STOLEN), "{name} of job {}", ended.view.job);
        }
    };
    scene.attack("archive", &inputs, look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checksum_reads_nothing_of_exchanged_folder() {
    let scene = Scene::open().await;
    let digest = blake3::hash(STOLEN.as_bytes());
    let lines: Vec<String> = (0..20).map(|number| format!("{digest}  a/{number}.txt")).collect();
    for number in 0..20 {
        scene.file(&format!("{number}.txt"), OWN, STOLEN);
    }
    let manifest = scene.harness.upload("B3SUMS", lines.join("\n")).await;
    let inputs = [
        json!({ "folder": "box", "algorithm": "blake3" }),
        json!({ "folder": "box/a", "algorithm": "blake3" }),
        json!({ "folder": "box", "algorithm": "blake3", "manifest": manifest }),
    ];
    let look = async |harness: &TaskHarness, ended: &Ended| {
        if let Some(manifest) = made(harness, ended, "B3SUMS").await {
            assert!(!holds(&manifest, digest.to_hex().as_str()), "job {}", ended.view.job);
        }
        if let Some(report) = made(harness, ended, "verification.txt").await {
            assert!(!String::from_utf8_lossy(&report).lines().any(|line| line.starts_with("ok\t")), "it was read");
        }
    };
    scene.attack("checksum", &inputs, look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_of_exchanged_folder_are_not_resized() {
    let scene = Scene::open().await;
    let picture = |side: u32| {
        let mut file = Cursor::new(Vec::new());
        RgbImage::new(side, side).write_to(&mut file, ImageFormat::Png).unwrap();
        file.into_inner()
    };
    for number in 0..10 {
        scene.file(&format!("{number}.png"), picture(20), picture(30));
    }
    let inputs = [json!({ "folder": "box" }), json!({ "folder": "box/a" })];
    let look = async |harness: &TaskHarness, ended: &Ended| {
        let Some(images) = made(harness, ended, "images.zip").await else { return };
        let mut zip = ZipArchive::new(Cursor::new(images)).unwrap();
        for index in 0..zip.len() {
            let mut content = Vec::new();
            zip.by_index(index).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(image::load_from_memory(&content).unwrap().width(), 20, "job {}", ended.view.job);
        }
    };
    scene.attack("resize-images", &inputs, look).await;
}

fn tar(words: &str) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_size(words.len() as u64);
    header.set_cksum();
    tar.append_data(&mut header, "words", words.as_bytes()).unwrap();
    tar.into_inner().unwrap()
}

fn unzipped(zip: Vec<u8>) -> Vec<u8> {
    let mut zip = ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut content = Vec::new();
    for index in 0..zip.len() {
        zip.by_index(index).unwrap().read_to_end(&mut content).unwrap();
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn archive_in_exchanged_folder_is_not_unpacked() {
    let scene = Scene::open().await;
    scene.file("x.tar", tar(OWN), tar(STOLEN));
    let look = async |harness: &TaskHarness, ended: &Ended| {
        let Some(zip) = made(harness, ended, "x.zip").await else { return };
        assert!(!holds(&unzipped(zip), STOLEN), "job {}", ended.view.job);
    };
    scene.attack("unpack", &[json!({ "path": "box/a/x.tar" })], look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn path_picker_lists_nothing_of_exchanged_folder() {
    let scene = Scene::open().await;
    fs::create_dir(scene.harness.root().join("box/a/own")).unwrap();
    fs::create_dir(scene.outside.path().join("stolen")).unwrap();
    fs::write(scene.outside.path().join("stolen.txt"), STOLEN).unwrap();
    let swapper = scene.swapper();
    let mut own = 0;
    for _ in 0..20_000 {
        let Ok(listing) = scene.harness.engine.roots().list(Some("box/a"), PathKind::Any) else { continue };
        assert!(listing.folders.iter().all(|folder| folder.name == "own"), "{listing:?}");
        assert!(listing.choices.iter().all(|file| file.name != "stolen.txt"), "{listing:?}");
        own += listing.folders.len();
    }
    swapper.stop();
    assert!(own > 0, "the folder itself is listed");
}

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pipe_in_place_of_archive_fails_the_job() {
    let harness = TaskHarness::open().await;
    let archive = harness.file("x.tar", tar(OWN));
    pipe(&harness.root().join("pipe"));
    let swapper = Swapper::of(archive, harness.root().join("pipe"));
    let mut refused = 0;
    for _ in 0..JOBS {
        let ended = harness.run("unpack", json!({ "path": "x.tar" })).await;
        if let Some(failure) = ended.view.failure {
            assert_eq!(failure.code, "not_a_file", "{}", failure.message);
            refused += 1;
        }
    }
    swapper.stop();
    assert!(refused > 0, "the pipe was met at least once");
}

#[tokio::test]
async fn pipes_and_devices_are_not_read() {
    let harness = TaskHarness::open().await;
    harness.file("box/own.txt", OWN);
    pipe(&harness.root().join("box/pipe"));
    let (_, code, message) = harness.fail("unpack", json!({ "path": "box/pipe" })).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("not_a_file", "the path box/pipe is not a regular file; name the file itself")
    );
    assert_eq!(harness.fail("unpack", json!({ "path": "box" })).await.1, "not_a_file");
    let digest = blake3::hash(b"");
    let manifest = harness.upload("B3SUMS", format!("{digest}  pipe\n{digest}  own.txt\n")).await;
    let input = json!({ "folder": "box", "algorithm": "blake3", "manifest": manifest });
    let (job, ..) = harness.fail("checksum", input).await;
    let report = String::from_utf8(harness.artifact(job, "verification.txt").await).unwrap();
    assert_eq!(report, "unreadable\tpipe\nchanged\town.txt\n");
}

#[tokio::test]
async fn links_inside_folder_are_followed_for_manifest_only() {
    let harness = TaskHarness::open().await;
    let own = harness.file("box/own/x.txt", OWN);
    let outside = TempDir::new().unwrap();
    File::create(outside.path().join("x.txt")).unwrap();
    let link = |target: &Path, name: &str| symlink(target, harness.root().join("box").join(name)).unwrap();
    link(Path::new("own"), "relative");
    link(own.parent().unwrap(), "absolute");
    link(outside.path(), "out");
    let digest = blake3::hash(OWN.as_bytes());
    let lines: String =
        ["relative", "absolute", "out"].map(|folder| format!("{digest}  {folder}/x.txt\n")).into_iter().collect();
    let manifest = harness.upload("B3SUMS", lines).await;
    let input = json!({ "folder": "box", "algorithm": "blake3", "manifest": manifest });
    let (job, ..) = harness.fail("checksum", input).await;
    let report = String::from_utf8(harness.artifact(job, "verification.txt").await).unwrap();
    assert_eq!(report, "ok\trelative/x.txt\nok\tabsolute/x.txt\nunreadable\tout/x.txt\nnot listed\town/x.txt\n");
    let ended = harness.succeed("checksum", json!({ "folder": "box", "algorithm": "blake3" })).await;
    let manifest = String::from_utf8(harness.artifact(ended.view.job, "B3SUMS").await).unwrap();
    assert_eq!(manifest, format!("{digest}  own/x.txt\n"), "without one, links are left out");
}
