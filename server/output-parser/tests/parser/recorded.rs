//! Recorded output of real programs (Debian 12: rsync 3.2.7, ffmpeg 5.1.9, restic 0.14, rclone 1.60, curl 7.88, pv
//! 1.6.20).

use output_parser::{Event, Format, Measure, Reader, Stream};

use super::summary;

/// A recorded stream.
macro_rules! printed {
    ($name:literal) => {
        include_bytes!(concat!("recorded/", $name)).as_slice()
    };
}

/// Parses recorded streams in small chunks, and checks that the progress rises from below 40 % to the end.
fn parsed(format: Format, printed: &[(Stream, &[u8])]) -> Vec<String> {
    let mut reader = Reader::new(format);
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
    events.iter().map(summary).collect()
}

fn share(event: &Event) -> Option<f64> {
    let Event::Progress(progress) = event else { return None };
    match progress.measure.as_ref()? {
        Measure::Share(share) => Some(*share),
        Measure::Count { value, max, .. } => Some(*value as f64 / max.unwrap_or(u64::MAX) as f64),
    }
}

fn lines(parsed: &[String]) -> Vec<&str> {
    parsed.iter().filter_map(|summary| summary.split_once("| ").map(|(_, line)| line)).collect()
}

#[test]
fn rsync_is_parsed() {
    for format in [Format::Rsync, Format::Auto] {
        let parsed = parsed(format, &[(Stream::Out, printed!("rsync.out"))]);
        assert_eq!(parsed[..2], ["0.0%=32,768 bytes, 0.00kB/s", "37.0%=1,671,168 bytes, 1.46MB/s"]);
        assert_eq!(lines(&parsed), ["      4,500,000 100%    1.47MB/s    0:00:02 (xfr#3, to-chk=0/5)"]);
    }
}

#[test]
fn ffmpeg_is_parsed_with_and_without_blocks() {
    let (err, blocks) = (printed!("ffmpeg.err"), (Stream::Out, printed!("ffmpeg.out")));
    let first_state = err.iter().position(|byte| *byte == b'\r').expect("it rewrites a line");
    let end = err[..first_state].iter().rposition(|byte| *byte == b'\n').expect("a banner before");
    let banner = (Stream::Err, &err[..end]);
    for format in [Format::Ffmpeg, Format::Auto] {
        let of_line = parsed(format, &[(Stream::Err, err)]);
        assert_eq!(of_line.iter().filter(|summary| summary.contains("%=")).count(), 13, "{of_line:?}");
        let parsed = parsed(format, &[banner, blocks]);
        assert!(parsed.contains(&"99.3%=0.986 × real time".to_owned()), "{parsed:?}");
    }
    let mut reader = Reader::new(Format::Ffmpeg);
    assert!(reader.push(blocks.0, blocks.1).iter().all(|event| matches!(event, Event::Progress(_))));
}

const RESTIC: &str = "files: 4 new, 0 changed, 0 unchanged; added 65 MB; snapshot 7195326a";

#[test]
fn restic_is_parsed() {
    for format in [Format::Restic, Format::Auto] {
        let parsed = parsed(format, &[(Stream::Out, printed!("restic.out"))]);
        assert_eq!(parsed[1], "9573615/64500000 B=3 of 4 files");
        assert_eq!(parsed[parsed.len() - 2], "64500000/64500000 B");
        assert_eq!(lines(&parsed), [RESTIC]);
    }
}

#[test]
fn rclone_is_parsed() {
    for format in [Format::Rclone, Format::Auto] {
        let parsed = parsed(format, &[(Stream::Err, printed!("rclone.err"))]);
        assert!(parsed.contains(&"7903776/64500000 B=3 of 4 files".to_owned()), "{parsed:?}");
        assert!(parsed[1].starts_with("warn| Config file"), "{parsed:?}");
        assert_eq!(lines(&parsed).last(), Some(&"big.bin: Copied (new)"));
        assert_eq!(lines(&parsed).len(), 6);
    }
}

#[test]
fn curl_is_parsed() {
    for format in [Format::Curl, Format::Auto] {
        let parsed = parsed(format, &[(Stream::Err, printed!("curl.err"))]);
        assert_eq!(parsed[..2], ["0 B=0/s", "15.0%=8899k of 57.2M, 14.9M/s"]);
        assert_eq!(lines(&parsed), ["100 57.2M  100 57.2M    0     0  15.4M      0  0:00:03  0:00:03 --:--:-- 15.4M"]);
    }
}

#[test]
fn curl_bar_is_parsed() {
    let printed = [(Stream::Err, printed!("curl-bar.err"))];
    assert_eq!(parsed(Format::Curl, &printed)[0], "16.9%");
    assert_eq!(parsed(Format::Auto, &printed)[0], "16.9%?");
}

#[test]
fn pv_is_parsed() {
    assert_eq!(parsed(Format::Number, &[(Stream::Err, printed!("pv.err"))]), ["34.0%", "69.0%", "100.0%"]);
    let mut reader = Reader::new(Format::Auto);
    let parsed: Vec<String> = reader.push(Stream::Err, printed!("pv.err")).iter().map(summary).collect();
    assert_eq!(parsed, ["| 34", "| 69", "100.0%"]);
    assert_eq!(bar_progress(), ["34.0%?", "69.0%?", "100.0%?"]);
}

fn bar_progress() -> Vec<String> {
    let parsed = parsed(Format::Auto, &[(Stream::Err, printed!("pv-bar.err"))]);
    parsed.into_iter().filter(|summary| !summary.starts_with('|')).collect()
}
