//! The programs whose progress is read, declared as the documentation says: the real ones, where they are installed.

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

use crate::bench::Bench;

/// Whether a program is here; says so where it is not.
fn is_here(program: &str) -> bool {
    let here =
        Command::new("sh").args(["-c", "command -v \"$0\"", program]).output().is_ok_and(|it| it.status.success());
    if !here {
        let skipped = format!("SKIPPED: there is no {program}, so nobody can see whether it is understood\n");
        io::stderr().lock().write_all(skipped.as_bytes()).expect("somebody listens");
    }
    here
}

/// So many bytes, no two blocks of which are the same: else a backup would be done before it has begun.
fn noise(length: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(21).to_le_bytes());
    blocks.take(length).collect()
}

/// A folder with three files of together 3 MB in `from/`.
fn some_files() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("from")).expect("created");
    for (name, length) in [("a", 500_000), ("b", 1_500_000), ("c", 1_000_000)] {
        fs::write(folder.path().join("from").join(name), noise(length)).expect("written");
    }
    folder
}

/// An engine with the command `probe`, which works in the folder.
async fn declared(folder: &Path, table: &str) -> Bench {
    Bench::new(&format!("[command.probe]\nfolder = '{}'\n{table}", folder.display())).await
}

/// The job succeeds, its progress was told and never fell back, and what it told last is all of it. Answers the log.
async fn goes_to_its_end(bench: &Bench, job: JobId) -> Vec<String> {
    let view = bench.ended(job).await;
    let log = bench.log(job).await;
    assert_eq!(view.state, JobState::Succeeded, "{view:?} {log:?}");
    let told: Vec<u64> = bench.told().iter().map(|progress| progress.value).collect();
    assert!(told.is_sorted(), "{told:?} {log:?}");
    let progress = &view.progress;
    assert!(progress.max.is_some() && Some(progress.value) == progress.max, "{progress:?} {log:?}");
    log
}

#[tokio::test]
async fn rsync_mirrors_a_folder() {
    if !is_here("rsync") {
        return;
    }
    let folder = some_files();
    let table = "argv = ['rsync', '-a', '--no-inc-recursive', '--info=progress2', '--', 'from/', 'to/']\n\
        progress = 'rsync'\nsignal = 'INT'";
    for terminal in ["", "\nterminal = true"] {
        let bench = declared(folder.path(), &format!("{table}{terminal}")).await;
        let log = goes_to_its_end(&bench, bench.start(json!({})).await).await;
        assert_eq!(log.len(), 1, "{log:?}");
        assert!(log[0].contains("100%") && log[0].contains("3,000,000"), "{log:?}");
        assert_eq!(fs::read(folder.path().join("to/b")).expect("it is there"), noise(1_500_000));
        fs::remove_dir_all(folder.path().join("to")).expect("removed");
    }
}

#[tokio::test]
async fn rclone_copies_a_folder() {
    if !is_here("rclone") {
        return;
    }
    let folder = some_files();
    fs::write(folder.path().join("rclone.conf"), "").expect("written");
    let table = "argv = ['rclone', 'copy', '--use-json-log', '-v', '--stats', '1s', 'from', 'to']\n\
        env = { RCLONE_CONFIG = 'rclone.conf' }\nprogress = 'rclone'";
    let bench = declared(folder.path(), table).await;
    let job = bench.start(json!({})).await;
    let mut log = goes_to_its_end(&bench, job).await;
    log.sort();
    assert_eq!(log, ["a: Copied (new)", "b: Copied (new)", "c: Copied (new)"]);
    assert_eq!(bench.ended(job).await.progress.unit, "B");
}

#[tokio::test]
async fn restic_makes_a_repository_and_a_backup() {
    if !is_here("restic") {
        return;
    }
    let folder = some_files();
    fs::write(folder.path().join("password"), "of no use to anybody").expect("written");
    let more = "env = { RESTIC_REPOSITORY = 'repository', RESTIC_PASSWORD_FILE = 'password', \
        RESTIC_CACHE_DIR = 'cache', RESTIC_PROGRESS_FPS = '2' }\nprogress = 'restic'";
    let init = declared(folder.path(), &format!("argv = ['restic', '--json', 'init']\n{more}")).await;
    let view = init.run(json!({})).await;
    assert_eq!(view.state, JobState::Succeeded, "{:?}", init.log(view.job).await);
    let bench = declared(folder.path(), &format!("argv = ['restic', '--json', 'backup', '--', 'from']\n{more}")).await;
    let log = goes_to_its_end(&bench, bench.start(json!({})).await).await;
    assert_eq!(log.len(), 1, "{log:?}");
    // How much it adds depends on where it cuts, which each repository decides by chance.
    assert!(log[0].starts_with("files: 3 new, 0 changed, 0 unchanged; added "), "{log:?}");
    assert!(log[0].contains(" MB; snapshot "), "{log:?}");
}

#[tokio::test]
async fn ffmpeg_makes_a_film_and_another_one_of_it() {
    if !is_here("ffmpeg") {
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
        let bench = declared(folder.path(), &table).await;
        let view = bench.run(json!({})).await;
        let log = bench.log(view.job).await;
        assert_eq!(view.state, JobState::Succeeded, "{log:?}");
        assert!(!log.iter().any(|line| blocks.iter().any(|key| line.starts_with(key))), "{log:?}");
        assert!(log.iter().any(|line| line.starts_with("Output #0")), "the rest is for people: {log:?}");
        let progress = &view.progress;
        if output == "made.mkv" {
            // A source that is made up does not say how long it is; the last frame begins in the second second.
            assert_eq!((progress.value, progress.max, progress.unit.as_str()), (1, None, "s"), "{log:?}");
        } else {
            // A film is as far as the beginning of its last frame.
            assert_eq!(progress.max, Some(100), "{log:?}");
            assert!(progress.value >= 95, "{progress:?} {log:?}");
        }
    }
}

#[tokio::test]
async fn curl_fetches_from_a_server_that_rests_half_way() {
    if !is_here("curl") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (meter, terminal) in [("", false), ("", true), ("'-#', ", true)] {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("it has one");
        let (go_on, may_go_on) = mpsc::channel();
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
            may_go_on.recv().expect("half of it is seen");
            peer.write_all(two).expect("it listens");
        });
        let table = format!(
            "argv = ['curl', {meter}'--noproxy', '*', '-o', 'copy', 'http://{address}/']\nprogress = 'curl'\n\
            terminal = {terminal}"
        );
        let bench = declared(folder.path(), &table).await;
        let job = bench.start(json!({})).await;
        // Its bar does not move while nothing comes, and a state of it is heard once it is written over.
        if meter.is_empty() {
            bench.wait(job, "half of it", |view| view.progress.value == 50).await;
        }
        go_on.send(()).expect("the server waits");
        let log = goes_to_its_end(&bench, job).await;
        serving.join().expect("it served");
        assert_eq!(log.len(), 1, "one line, in its last state: {log:?}");
        assert_eq!(fs::read(folder.path().join("copy")).expect("it is there"), noise(2_000_000));
    }
}

#[tokio::test]
async fn pv_counts_what_goes_through_it() {
    if !is_here("pv") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("runs").success());
    let table = "argv = ['sh', '-c', 'pv -n -i 0.1 -s 400000 pipe > /dev/null']\nprogress = 'number'";
    let bench = declared(folder.path(), table).await;
    let job = bench.start(json!({})).await;
    let (go_on, may_go_on) = mpsc::channel();
    let writing = thread::spawn(move || {
        let mut pipe = fs::OpenOptions::new().write(true).open(pipe).expect("pv reads");
        pipe.write_all(&noise(100_000)).expect("pv reads");
        may_go_on.recv().expect("a quarter is seen");
        pipe.write_all(&noise(300_000)).expect("pv reads");
    });
    bench.wait(job, "a quarter of it", |view| view.progress.value == 25).await;
    go_on.send(()).expect("the writer waits");
    assert_eq!(goes_to_its_end(&bench, job).await, [""; 0]);
    writing.join().expect("it wrote");
}
