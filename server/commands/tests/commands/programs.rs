//! Programs whose progress is parsed, declared as documented: the real ones, if they are installed.

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::mpsc,
    thread,
};

use model::{JobId, JobState};
use serde_json::json;
use tempfile::TempDir;

use crate::support::TestEngine;

/// Whether a program is installed; prints a notice if it is not.
fn is_installed(program: &str) -> bool {
    let installed =
        Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().is_ok_and(|it| it.status.success());
    if !installed {
        let skipped = format!("SKIPPED: {program} is not installed\n");
        io::stderr().lock().write_all(skipped.as_bytes()).expect("stderr is open");
    }
    installed
}

/// Returns `length` bytes without equal blocks: a backup would deduplicate those and end too early.
fn noise(length: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(21).to_le_bytes());
    blocks.take(length).collect()
}

/// Creates a folder with three files of 3 MB in total in `from/`.
fn some_files() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("from")).expect("created");
    for (name, length) in [("a", 500_000), ("b", 1_500_000), ("c", 1_000_000)] {
        fs::write(folder.path().join("from").join(name), noise(length)).expect("written");
    }
    folder
}

/// Returns an engine with the command `probe`, which runs in the folder.
async fn declared(folder: &Path, table: &str) -> TestEngine {
    TestEngine::new(&format!("[command.probe]\nfolder = '{}'\n{table}", folder.display())).await
}

/// Asserts that the job succeeds, and that its progress never falls and ends complete. Returns the log.
async fn assert_completes(test: &TestEngine, job: JobId) -> Vec<String> {
    let view = test.ended(job).await;
    let log = test.log(job).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?} {log:?}");
    let values: Vec<u64> = test.published_progress().iter().map(|progress| progress.value).collect();
    assert!(values.is_sorted(), "{values:?} {log:?}");
    let progress = &view.progress;
    assert!(progress.max.is_some() && Some(progress.value) == progress.max, "{progress:?} {log:?}");
    log
}

#[tokio::test]
async fn rsync_progress_is_reported() {
    if !is_installed("rsync") {
        return;
    }
    let folder = some_files();
    let table = "argv = ['rsync', '-a', '--no-inc-recursive', '--info=progress2', '--', 'from/', 'to/']\n\
        progress = 'rsync'\nsignal = 'INT'";
    for terminal in ["", "\nterminal = true"] {
        let test = declared(folder.path(), &format!("{table}{terminal}")).await;
        let log = assert_completes(&test, test.start(json!({})).await).await;
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].contains("100%") && log[0].contains("3,000,000"), "{log:?}");
        assert_eq!(fs::read(folder.path().join("to/b")).expect("it is there"), noise(1_500_000));
        fs::remove_dir_all(folder.path().join("to")).expect("removed");
    }
}

#[tokio::test]
async fn rclone_progress_is_reported() {
    if !is_installed("rclone") {
        return;
    }
    let folder = some_files();
    fs::write(folder.path().join("rclone.conf"), "").expect("written");
    let table = "argv = ['rclone', 'copy', '--use-json-log', '-v', '--stats', '1s', 'from', 'to']\n\
        env = { RCLONE_CONFIG = 'rclone.conf' }\nprogress = 'rclone'";
    let test = declared(folder.path(), table).await;
    let job = test.start(json!({})).await;
    let mut log = assert_completes(&test, job).await;
    log.sort();
    assert_eq!(log, ["a: Copied (new)", "b: Copied (new)", "c: Copied (new)"]);
    assert_eq!(test.ended(job).await.progress.unit, "B");
}

#[tokio::test]
async fn restic_progress_is_reported() {
    if !is_installed("restic") {
        return;
    }
    let folder = some_files();
    fs::write(folder.path().join("password"), "a test password").expect("written");
    let more = "env = { RESTIC_REPOSITORY = 'repository', RESTIC_PASSWORD_FILE = 'password', \
        RESTIC_CACHE_DIR = 'cache', RESTIC_PROGRESS_FPS = '2' }\nprogress = 'restic'";
    let init = declared(folder.path(), &format!("argv = ['restic', '--json', 'init']\n{more}")).await;
    let view = init.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded, "{:?}", init.log(view.job).await);
    let test = declared(folder.path(), &format!("argv = ['restic', '--json', 'backup', '--', 'from']\n{more}")).await;
    let log = assert_completes(&test, test.start(json!({})).await).await;
    assert_eq!(log.len(), 1, "{log:?}");
    // The size added depends on the chunk boundaries, which are random in each repository.
    assert!(log[0].starts_with("files: 3 new, 0 changed, 0 unchanged; added "), "{log:?}");
    assert!(log[0].contains(" MB; snapshot "), "{log:?}");
}

#[tokio::test]
async fn ffmpeg_progress_is_reported() {
    if !is_installed("ffmpeg") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let blocks = ["fps=", "out_time", "progress=", "speed=", "total_size=", "bitrate="];
    for (input, output) in [
        ("'-f', 'lavfi', '-i', 'testsrc=duration=2:size=160x120:rate=25'", "made.mkv"),
        ("'-i', 'made.mkv'", "again.mkv"),
    ] {
        let table = format!(
            "argv = ['ffmpeg', '-nostdin', '-progress', 'pipe:1', '-nostats', {input}, '-c:v', 'mjpeg', '{output}']\n\
            progress = 'ffmpeg'"
        );
        let test = declared(folder.path(), &table).await;
        let view = test.run(json!({})).await;
        let log = test.log(view.job).await;
        assert_eq!(view.state, JobState::Succeeded, "{log:?}");
        assert!(!log.iter().any(|line| blocks.iter().any(|key| line.starts_with(key))), "{log:?}");
        assert!(log.iter().any(|line| line.starts_with("Output #0")), "the rest is logged: {log:?}");
        let progress = &view.progress;
        if output == "made.mkv" {
            // A generated source has no duration; its last frame starts in the second second.
            assert_eq!((progress.value, progress.max, progress.unit.as_str()), (1, None, "s"), "{log:?}");
        } else {
            // The progress of a film is the start of its last frame.
            assert_eq!(progress.max, Some(100), "{log:?}");
            assert!(progress.value >= 95, "{progress:?} {log:?}");
        }
    }
}

#[tokio::test]
async fn curl_progress_is_reported() {
    if !is_installed("curl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (meter, terminal) in [("", false), ("", true), ("'-#', ", true)] {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("it has one");
        let (release, released) = mpsc::channel();
        let serving = thread::spawn(move || {
            let (mut peer, _) = server.accept().expect("curl comes");
            let mut asked = BufReader::new(peer.try_clone().expect("a handle"));
            let mut line = String::new();
            while asked.read_line(&mut line).expect("it asks") > 2 {
                line.clear();
            }
            let content = noise(2_000_000);
            let (one, two) = content.split_at(1_000_000);
            peer.write_all(b"HTTP/1.0 200 OK\r\ncontent-length: 2000000\r\n\r\n").expect("it listens");
            peer.write_all(one).expect("it listens");
            released.recv().expect("half of it is seen");
            peer.write_all(two).expect("it listens");
        });
        let table = format!(
            "argv = ['curl', {meter}'--noproxy', '*', '-o', 'copy', 'http://{address}/']\nprogress = 'curl'\n\
            terminal = {terminal}"
        );
        let test = declared(folder.path(), &table).await;
        let job = test.start(json!({})).await;
        // A progress bar does not move while no data arrives, and a state is parsed only once it is overwritten.
        if meter.is_empty() {
            test.wait(job, "half of it", |view| view.progress.value == 50).await;
        }
        release.send(()).expect("the server waits");
        let log = assert_completes(&test, job).await;
        serving.join().expect("it served");
        assert_eq!(log.len(), 1, "one line, in its last state: {log:?}");
        assert_eq!(fs::read(folder.path().join("copy")).expect("it is there"), noise(2_000_000));
    }
}

#[tokio::test]
async fn pv_progress_is_reported() {
    if !is_installed("pv") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
    let table = "argv = ['sh', '-c', 'pv -n -i 0.1 -s 400000 pipe > /dev/null']\nprogress = 'number'";
    let test = declared(folder.path(), table).await;
    let job = test.start(json!({})).await;
    let (release, released) = mpsc::channel();
    let writing = thread::spawn(move || {
        let mut pipe = fs::OpenOptions::new().write(true).open(pipe).expect("pv reads");
        pipe.write_all(&noise(100_000)).expect("pv reads");
        released.recv().expect("a quarter is seen");
        pipe.write_all(&noise(300_000)).expect("pv reads");
    });
    test.wait(job, "a quarter of it", |view| view.progress.value == 25).await;
    release.send(()).expect("the writer waits");
    assert_eq!(assert_completes(&test, job).await, [""; 0]);
    writing.join().expect("it wrote");
}
