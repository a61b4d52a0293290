//! File bombs: CSV files, archives and images that would exhaust memory or time.

use std::{
    fs,
    io::{self, Cursor, Read, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use image::{
    ImageEncoder, ImageFormat, RgbImage,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use reqwest::blocking::Body;
use serde_json::{Value, json};
use tar::{EntryType, Header};

use crate::support::browser::Browser;

const MB: u64 = 1_000_000;
/// The most memory that one bomb may take beyond the first one, kB.
const MAX_MEMORY: u64 = 160_000;
/// The longest that another client may wait during a bomb.
const SOON: Duration = Duration::from_secs(5);

/// The peak memory of the server, kB.
fn peak_memory(browser: &Browser) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", browser.server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A file to upload, and the job that reads it.
struct Bomb {
    name: &'static str,
    file: Box<dyn Read + Send>,
    kind: &'static str,
    /// Builds the input of the job from the name and the upload.
    input: fn(&str, Value) -> Value,
    /// The accepted final states of the job.
    accepted: &'static [&'static str],
}

impl Bomb {
    fn csv(name: &'static str, file: impl Read + Send + 'static, accepted: &'static [&'static str]) -> Self {
        let input = |name: &str, upload| json!({ "file": upload, "table": name, "on_error": "skip" });
        Self { name, file: Box::new(file), kind: "import-csv", input, accepted }
    }

    fn archive(name: &'static str, file: Vec<u8>) -> Self {
        let input = |_: &str, upload| json!({ "upload": upload });
        Self { name, file: Box::new(Cursor::new(file)), kind: "unpack", input, accepted: &["failed"] }
    }

    fn image(name: &'static str, file: Vec<u8>, accepted: &'static [&'static str]) -> Self {
        let input = |_: &str, upload| json!({ "upload": upload, "longest": 100 });
        Self { name, file: Box::new(Cursor::new(file)), kind: "resize-images", input, accepted }
    }

    /// Uploads the file and runs its job; returns the final state.
    fn run(self, browser: &Browser) -> String {
        let Self { name, file, kind, input, .. } = self;
        let url = browser.server.url(&format!("/uploads?name={name}"));
        let sent = browser.client.post(url).body(Body::new(file)).send();
        let upload: Value = sent.unwrap().error_for_status().unwrap().json().unwrap();
        let job = browser.start(kind, &input(name, upload["upload"].clone()));
        let events = browser.get(&format!("/events?job={job}&until=end")).text().unwrap();
        let state = ["succeeded", "failed", "running", "interrupted"]
            .into_iter()
            .max_by_key(|state| events.rfind(&format!(r#""state":"{state}""#)).map_or(0, |at| at + 1));
        let page = browser.page(&format!("/jobs/{job}"));
        assert!(!page.contains("panick"), "{name}: {page}");
        state.unwrap().to_owned()
    }
}

/// Runs the bombs one after the other; the first, harmless one gives the base line. `most` is how much memory each may
/// take beyond it, kB.
fn assert_survives(browser: &Browser, bombs: Vec<Bomb>, most: u64) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let others = scope.spawn(|| {
            let mut worst = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let started_at = Instant::now();
                assert_eq!(browser.server.status(&["GET /jobs HTTP/1.1", "host: localhost"]), 200);
                worst = worst.max(started_at.elapsed());
                thread::sleep(Duration::from_millis(50));
            }
            worst
        });
        let mut before = 0;
        let done: Vec<String> = bombs
            .into_iter()
            .map(|bomb| {
                let (started_at, name, accepted) = (Instant::now(), bomb.name, bomb.accepted);
                let state = bomb.run(browser);
                let peak = peak_memory(browser);
                println!("{name}: {state} after {:?}, at most {peak} kB", started_at.elapsed());
                if before == 0 {
                    before = peak;
                }
                let good = accepted.contains(&state.as_str()) && peak - before < most;
                if good { String::new() } else { format!("{name}: {state}, {peak} kB after {before} kB; ") }
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        let worst = others.join().unwrap();
        println!("a page takes at most {worst:?}");
        assert_eq!(done.concat(), "");
        assert!(worst < SOON, "{worst:?}");
    });
}

fn repeated(text: &'static str, bytes: u64) -> impl Read + Send {
    struct Again(Cursor<Vec<u8>>);
    impl Read for Again {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.position() == self.0.get_ref().len() as u64 {
                self.0.set_position(0);
            }
            self.0.read(buffer)
        }
    }
    let whole = text.repeat((64 * 1024 / text.len()).max(1));
    Again(Cursor::new(whole.into_bytes())).take(bytes)
}

fn after(head: &'static str, rest: impl Read + Send) -> impl Read + Send {
    head.as_bytes().chain(rest)
}

const EITHER: &[&str] = &["succeeded", "failed"];

#[test]
fn csv_bombs_stay_within_memory_limit() {
    let columns = (0..150_000).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    let bombs = vec![
        Bomb::csv("small", Cursor::new("a,b\n1,2\n"), &["succeeded"]),
        Bomb::csv("endless_line", repeated("x", 100 * MB), &["failed"]),
        Bomb::csv("endless_later_line", after("a,b\n1,2\n", repeated("x", 20 * MB)), EITHER),
        Bomb::csv("endless_header", repeated("column,", 64 * MB), &["failed"]),
        Bomb::csv("many_columns", Cursor::new(columns), &["failed"]),
        Bomb::csv("many_fields", after("a,b\n", repeated(",", 5 * MB)), EITHER),
        Bomb::csv("endless_quotes", after("a,b\n1,", repeated("\"", 20 * MB)), EITHER),
        Bomb::csv("open_quotes", after("a,b\n", repeated("1,\"x\n", MB)), EITHER),
        Bomb::csv("nested_quotes", after("a,b\n", repeated("\"\"\"\"\"\"\"\",\"\"\n", MB)), EITHER),
        Bomb::csv("empty_lines", after("a,b\n", repeated("\n", 5 * MB)), EITHER),
        Bomb::csv("nothings", repeated("\0", 10 * MB), &["failed"]),
        Bomb::csv("gzip", after("\u{1f}\u{8b}\u{8}\0", repeated("\u{1}\u{2}\n", MB)), EITHER),
        Bomb::csv("zip", after("PK\u{3}\u{4}", repeated("\u{14}\0\0\0,", MB)), &["failed"]),
        Bomb::csv("nothing", io::empty(), EITHER),
    ];
    assert_survives(&Browser::new(), bombs, MAX_MEMORY);
}

/// An archive of one entry of this type with a declared size, and `actual` bytes after its header.
fn archive(kind: EntryType, declared: u64, actual: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.as_old_mut().name[0] = b'x';
    header.set_size(declared);
    header.set_cksum();
    let mut zst = zstd::Encoder::new(Vec::new(), 1).unwrap();
    zst.write_all(header.as_bytes()).unwrap();
    io::copy(&mut io::repeat(b'x').take(actual), &mut zst).unwrap();
    zst.finish().unwrap()
}

fn png(picture: &RgbImage, profile: Option<Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::NoFilter);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile).unwrap();
    }
    picture.write_with_encoder(encoder).unwrap();
    file
}

/// An image whose header declares a huge size, with almost no content.
fn huge_image(format: ImageFormat, at: usize, size: &[u8]) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    RgbImage::new(8, 8).write_to(&mut file, format).unwrap();
    let mut file = file.into_inner();
    file[at..at + size.len()].copy_from_slice(size);
    file
}

#[test]
fn archive_bombs_stay_within_memory_limit() {
    let small = Bomb { accepted: EITHER, ..Bomb::archive("small.tar.zst", archive(EntryType::Regular, 10, 2_000)) };
    let bombs = vec![
        small,
        Bomb::archive("large.tar.zst", archive(EntryType::Regular, 100_000 * MB, 100 * MB)),
        Bomb::archive("name.tar.zst", archive(EntryType::GNULongName, 1_000 * MB, 500 * MB)),
        Bomb::archive("about.tar.zst", archive(EntryType::XHeader, 1_000 * MB, 500 * MB)),
        Bomb::archive("negative.tar.zst", archive(EntryType::Regular, u64::MAX, MB)),
        Bomb::archive("device.tar.zst", archive(EntryType::Block, 100_000 * MB, MB)),
    ];
    // Any archive may use a window of 128 MiB.
    assert_survives(&Browser::new(), bombs, MAX_MEMORY);
}

#[test]
fn image_bombs_stay_within_memory_limit() {
    let bombs = vec![
        Bomb::image("small.png", png(&RgbImage::new(9, 9), None), &["succeeded"]),
        Bomb::image("profile.png", png(&RgbImage::new(9, 9), Some(vec![0; 100 * MB as usize])), &["succeeded"]),
        Bomb::image("vast.gif", huge_image(ImageFormat::Gif, 6, &[0xff, 0xff, 0xff, 0xff]), &["failed"]),
        Bomb::image("vast.bmp", huge_image(ImageFormat::Bmp, 18, &[0, 0, 1, 0, 0, 0, 1, 0]), &["failed"]),
    ];
    let browser = Browser::new();
    assert_survives(&browser, bombs, MAX_MEMORY);
}
