//! Format of `ffmpeg`: the blocks of `-progress pipe:1`, or its rewritten line.

use crate::{Measure, Progress, format::Parsed};

/// Keys of a block, without those of streams; each block ends with `progress`.
const KEYS: [&str; 10] = [
    "frame",
    "fps",
    "bitrate",
    "total_size",
    "out_time_us",
    "out_time_ms",
    "out_time",
    "dup_frames",
    "drop_frames",
    "speed",
];

/// The state of a run.
#[derive(Debug, Default)]
pub(crate) struct Ffmpeg {
    /// Duration of the longest input, seconds.
    duration: Option<f64>,
    /// Duration of the output so far, seconds.
    time: Option<f64>,
    speed: String,
    /// Whether a block is complete.
    in_blocks: bool,
}

impl Ffmpeg {
    /// Parses a line of a block or of the banner, or a state of the rewritten line. In automatic mode, lines are
    /// dropped from the log only after a complete block, since another program could print them.
    pub(crate) fn parse(&mut self, text: &str, auto: bool) -> Option<Parsed> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("Duration: ") {
            let found = rest.split(',').next().and_then(seconds);
            self.duration = [self.duration, found].into_iter().flatten().reduce(f64::max);
            return None;
        }
        if (text.starts_with("frame=") || text.starts_with("size="))
            && let Some(time) = value(text, " time=")
        {
            self.time = seconds(time).or(self.time);
            value(text, "speed=").unwrap_or_default().clone_into(&mut self.speed);
            return Some(Parsed::progress_and_line(self.progress()?));
        }
        let (key, value) = text.split_once('=')?;
        match key {
            "progress" if value == "continue" || value == "end" => {
                self.in_blocks = true;
                return Some(self.progress().map_or_else(Parsed::ignored, Parsed::progress_only));
            }
            "out_time_us" => self.time = value.parse::<f64>().ok().map(|micros| micros / 1e6).or(self.time),
            "speed" => value.trim().clone_into(&mut self.speed),
            _ => {}
        }
        let is_ours = KEYS.contains(&key) || key.starts_with("stream_");
        (is_ours && (self.in_blocks || !auto)).then(Parsed::ignored)
    }

    fn progress(&self) -> Option<Progress> {
        let time = self.time?.max(0.0);
        let measure = match self.duration.filter(|duration| *duration > 0.0) {
            Some(duration) => Measure::Share((time / duration).min(1.0)),
            None => Measure::Count { value: time as u64, max: None, unit: "s".to_owned() },
        };
        let words = if self.speed.is_empty() || self.speed == "N/A" {
            String::new()
        } else {
            format!("{} × real time", self.speed.trim_end_matches('x'))
        };
        Some(Progress { measure: Some(measure), ..Progress::default() }.with_message(words))
    }
}

/// Returns the value after `key` in a line of `key=value`, with or without blanks after the `=`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.split_once(key).and_then(|(_, rest)| rest.split_whitespace().next())
}

/// Parses `HH:MM:SS.ff`.
fn seconds(time: &str) -> Option<f64> {
    time.trim().split(':').try_fold(0.0, |sum, part| Some(60.0 * sum + part.parse::<f64>().ok()?))
}
