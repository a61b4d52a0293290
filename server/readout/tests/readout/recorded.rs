//! What real programs printed (Debian 12: rsync 3.2.7, ffmpeg 5.1.9, restic 0.14, rclone 1.60, curl 7.88, pv 1.6.20).

use readout::{Convention, Event, Measure, Reader, Stream};

use super::word;

/// What was printed to one of the outputs.
macro_rules! printed {
    ($name:literal) => {
        include_bytes!(concat!("recorded/", $name)).as_slice()
    };
}

/// What is told of it, in small pieces; once as is configured, once as it is found out.
fn told(convention: Convention, printed: &[(Stream, &[u8])]) -> Vec<String> {
    let mut reader = Reader::new(convention);
    let mut events = Vec::new();
    for (stream, bytes) in printed {
        for chunk in bytes.chunks(37) {
            events.extend(reader.push(*stream, chunk));
        }
    }
    events.extend(reader.finish());
    let shares: Vec<f64> = events.iter().filter_map(share).collect();
    assert!(shares.is_sorted(), "{shares:?}");
    assert!(shares.len() >= 3, "{shares:?}");
    assert!(shares[0] < 0.4, "{shares:?}");
    assert!(shares.last().is_some_and(|last| *last > 0.99), "{shares:?}");
    events.iter().map(word).collect()
}

fn share(event: &Event) -> Option<f64> {
    let Event::Progress(progress) = event else { return None };
    match progress.measure.as_ref()? {
        Measure::Share(share) => Some(*share),
        Measure::Count { value, max, .. } => Some(*value as f64 / max.unwrap_or(u64::MAX) as f64),
    }
}

fn lines(told: &[String]) -> Vec<&str> {
    told.iter().filter_map(|word| word.split_once("| ").map(|(_, line)| line)).collect()
}

#[test]
fn rsync() {
    for convention in [Convention::Rsync, Convention::Auto] {
        let told = told(convention, &[(Stream::Out, printed!("rsync.out"))]);
        assert_eq!(told[..2], ["0.0%=32,768 bytes, 0.00kB/s", "37.0%=1,671,168 bytes, 1.46MB/s"]);
        assert_eq!(lines(&told), ["      4,500,000 100%    1.47MB/s    0:00:02 (xfr#3, to-chk=0/5)"]);
    }
}

#[test]
fn ffmpeg_with_and_without_blocks() {
    let (err, blocks) = (printed!("ffmpeg.err"), (Stream::Out, printed!("ffmpeg.out")));
    let first_state = err.iter().position(|byte| *byte == b'\r').expect("it writes a line over");
    let end = err[..first_state].iter().rposition(|byte| *byte == b'\n').expect("a banner before");
    let banner = (Stream::Err, &err[..end]);
    for convention in [Convention::Ffmpeg, Convention::Auto] {
        let told_of_line = told(convention, &[(Stream::Err, err)]);
        assert_eq!(told_of_line.iter().filter(|word| word.contains("%=")).count(), 13, "{told_of_line:?}");
        let told = told(convention, &[banner, blocks]);
        assert!(told.contains(&"99.3%=0.986 of the speed of playing".to_owned()), "{told:?}");
    }
    let mut reader = Reader::new(Convention::Ffmpeg);
    assert!(reader.push(blocks.0, blocks.1).iter().all(|event| matches!(event, Event::Progress(_))));
}

const RESTIC: &str = "files: 4 new, 0 changed, 0 as they were; added 65 MB; snapshot 7195326a";

#[test]
fn restic() {
    for convention in [Convention::Restic, Convention::Auto] {
        let told = told(convention, &[(Stream::Out, printed!("restic.out"))]);
        assert_eq!(told[1], "9573615/64500000 B=3 of 4 files");
        assert_eq!(told[told.len() - 2], "64500000/64500000 B");
        assert_eq!(lines(&told), [RESTIC]);
    }
}

#[test]
fn rclone() {
    for convention in [Convention::Rclone, Convention::Auto] {
        let told = told(convention, &[(Stream::Err, printed!("rclone.err"))]);
        assert!(told.contains(&"7903776/64500000 B=3 of 4 files".to_owned()), "{told:?}");
        assert!(told[1].starts_with("warn| Config file"), "{told:?}");
        assert_eq!(lines(&told).last(), Some(&"big.bin: Copied (new)"));
        assert_eq!(lines(&told).len(), 6);
    }
}

#[test]
fn curl() {
    for convention in [Convention::Curl, Convention::Auto] {
        let told = told(convention, &[(Stream::Err, printed!("curl.err"))]);
        assert_eq!(told[..2], ["0 B=0/s", "15.0%=8899k of 57.2M, 14.9M/s"]);
        assert_eq!(lines(&told), ["100 57.2M  100 57.2M    0     0  15.4M      0  0:00:03  0:00:03 --:--:-- 15.4M"]);
    }
}

#[test]
fn the_bar_of_curl() {
    let printed = [(Stream::Err, printed!("curl-bar.err"))];
    assert_eq!(told(Convention::Curl, &printed)[0], "16.9%");
    assert_eq!(told(Convention::Auto, &printed)[0], "16.9%?");
}

#[test]
fn pv() {
    assert_eq!(told(Convention::Number, &[(Stream::Err, printed!("pv.err"))]), ["34.0%", "69.0%", "100.0%"]);
    let mut reader = Reader::new(Convention::Auto);
    let told: Vec<String> = reader.push(Stream::Err, printed!("pv.err")).iter().map(word).collect();
    assert_eq!(told, ["| 34", "| 69", "100.0%"]);
    assert_eq!(told_of_bar(), ["34.0%?", "69.0%?", "100.0%?"]);
}

fn told_of_bar() -> Vec<String> {
    let told = told(Convention::Auto, &[(Stream::Err, printed!("pv-bar.err"))]);
    told.into_iter().filter(|word| !word.starts_with('|')).collect()
}
