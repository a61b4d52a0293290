//! Progress formats, and the parser that applies them to the lines of a program.

use model::{AnsiStyles, Level};

use crate::{
    Event, Line, Measure, Progress, ReportedResult, Stream,
    formats::{self, Ffmpeg, Numbers},
    line::{MAX_LOG_LINE, Piece, Text},
};

/// A progress format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// Detects any of the other formats except [`Format::Fraction`]. Once a format is found, less specific ones are
    /// ignored.
    #[default]
    Auto,
    /// JSON lines: `{"progress":0.5,"message":"half"}`, and the formats of Cronicle and xyOps.
    Json,
    /// `NN%`, anywhere in a line.
    Percent,
    /// A number from 0 to 100 on its own line, as in `pv -n` and `dialog --gauge`.
    Number,
    /// The control sequence OSC 9;4, the progress bar of terminals.
    Osc,
    /// `n/m`, as in `ninja`.
    Fraction,
    /// `rsync --info=progress2`.
    Rsync,
    /// `ffmpeg`, best with `-progress pipe:1 -nostats`. The total is the duration of the longest input in its banner.
    Ffmpeg,
    /// `restic --json`.
    Restic,
    /// `rclone --use-json-log -v --stats 1s`.
    Rclone,
    /// `curl`, with either of its meters.
    Curl,
    /// No progress.
    None,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 12] = [
        Self::Auto,
        Self::Json,
        Self::Percent,
        Self::Number,
        Self::Osc,
        Self::Fraction,
        Self::Rsync,
        Self::Ffmpeg,
        Self::Restic,
        Self::Rclone,
        Self::Curl,
        Self::None,
    ];

    /// Returns the name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Json => "json",
            Self::Percent => "percent",
            Self::Number => "number",
            Self::Osc => "osc",
            Self::Fraction => "fraction",
            Self::Rsync => "rsync",
            Self::Ffmpeg => "ffmpeg",
            Self::Restic => "restic",
            Self::Rclone => "rclone",
            Self::Curl => "curl",
            Self::None => "none",
        }
    }

    /// Finds a format by its name in the configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// The formats that [`Format::Auto`] tries, the most specific first.
const PRECEDENCE: [Format; 10] = [
    Format::Restic,
    Format::Rclone,
    Format::Json,
    Format::Ffmpeg,
    Format::Osc,
    Format::Rsync,
    Format::Curl,
    Format::Percent,
    Format::Number,
    // In automatic mode: any percentage in a rewritten line.
    Format::Fraction,
];

/// The content of a parsed line.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) progress: Option<Progress>,
    pub(crate) result: Option<ReportedResult>,
    pub(crate) log: Log,
}

/// The effect of a line on the log.
#[derive(Debug, Default)]
pub(crate) enum Log {
    /// Keep the line.
    #[default]
    Keep,
    /// Replace the line.
    Replace(Option<Level>, String),
    /// Drop the line: it is meant for programs.
    Drop,
}

/// Applies a format to the lines of one program.
#[derive(Debug)]
pub(crate) struct Parser {
    format: Format,
    /// The index in [`PRECEDENCE`] of the most specific format so far.
    rank: usize,
    ffmpeg: Ffmpeg,
    numbers: Numbers,
}

impl Parser {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, rank: PRECEDENCE.len(), ffmpeg: Ffmpeg::default(), numbers: Numbers::default() }
    }

    /// Parses a piece into events.
    pub(crate) fn parse(&mut self, stream: Stream, piece: Piece<'_>, events: &mut Vec<Event>) {
        match piece {
            Piece::TerminalProgress(state, percent) => {
                // A bar that only appears or disappears is not progress.
                let progress = formats::terminal_progress(state, percent).filter(|_| self.accepts(Format::Osc));
                events.extend(progress.map(Event::Progress));
            }
            Piece::Text(text) => {
                let parsed = self.parse_line(stream, text).unwrap_or_default();
                events.extend(parsed.progress.map(Event::Progress));
                events.extend(parsed.result.map(Event::Result));
                if text.last {
                    events.extend(line(stream, text, parsed.log).map(Event::Line));
                }
            }
        }
    }

    /// Returns whether `format` is accepted; from then on, less specific formats are not.
    fn accepts(&mut self, format: Format) -> bool {
        if self.format != Format::Auto {
            return self.format == format;
        }
        let place = PRECEDENCE.iter().position(|other| *other == format);
        let accepted = place.is_some_and(|place| place <= self.rank);
        if let Some(place) = place.filter(|_| accepted) {
            self.rank = place;
        }
        accepted
    }

    fn parse_line(&mut self, stream: Stream, text: Text<'_>) -> Option<Parsed> {
        if text.left_out > 0 {
            return None;
        }
        if self.format != Format::Auto {
            return self.parse_as(self.format, stream, text);
        }
        for (place, format) in PRECEDENCE.into_iter().enumerate().take(self.rank + 1) {
            if let Some(parsed) = self.parse_as(format, stream, text) {
                if parsed.progress.is_some() {
                    self.rank = place;
                }
                return Some(parsed);
            }
        }
        None
    }

    /// Parses the line as `format`; `None` if the line is not of that format.
    fn parse_as(&mut self, format: Format, stream: Stream, text: Text<'_>) -> Option<Parsed> {
        let auto = self.format == Format::Auto;
        match format {
            Format::Json => formats::json(text.line),
            Format::Percent => formats::percent(text, auto),
            Format::Number => self.numbers.parse(stream, text, auto),
            Format::Fraction if auto => formats::guess(text),
            Format::Fraction => formats::fraction(text.line),
            Format::Rsync => formats::rsync(text.line),
            Format::Ffmpeg => self.ffmpeg.parse(text.line, auto),
            Format::Restic => formats::restic(text.line),
            Format::Rclone => formats::rclone(text.line),
            Format::Curl => formats::curl(text, auto),
            Format::Auto | Format::Osc | Format::None => None,
        }
    }
}

/// Returns the log line.
fn line(stream: Stream, text: Text<'_>, log: Log) -> Option<Line> {
    let (level, whole, left_out, mut styles) = match log {
        Log::Drop => return None,
        Log::Keep => (None, text.line.to_owned(), text.left_out, ansi_styles(text)),
        Log::Replace(level, text) => (level, printable(&text), 0, AnsiStyles::default()),
    };
    let mut line = whole;
    let cut = line.floor_char_boundary(MAX_LOG_LINE);
    let left_out = left_out + (line.len() - cut) as u64;
    if left_out > 0 {
        line.truncate(cut);
        styles.truncate(cut);
        line.push_str(" … and ");
        line.push_str(&model::bytes(left_out));
        line.push_str(" more of this line");
    }
    Some(Line { stream, level, text: line, styles })
}

/// Removes control characters, which text from JSON can contain and a terminal would interpret.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

/// Returns the colours of a line.
fn ansi_styles(text: Text<'_>) -> AnsiStyles {
    let mut styles = AnsiStyles::default();
    for (at, style) in text.styles.iter().filter(|(at, _)| *at < text.line.len()) {
        styles.change(*at, &style.word());
    }
    styles
}

impl Parsed {
    /// Progress in a line that is not logged.
    pub(crate) fn progress_only(progress: Progress) -> Self {
        Self { progress: Some(progress), result: None, log: Log::Drop }
    }

    /// Progress in a line that is also logged.
    pub(crate) fn progress_and_line(progress: Progress) -> Self {
        Self { progress: Some(progress), ..Self::default() }
    }

    /// A line that is not logged and has no progress.
    pub(crate) fn ignored() -> Self {
        Self { log: Log::Drop, ..Self::default() }
    }
}

impl Progress {
    /// Progress in per cent of the whole.
    pub(crate) fn percent(percent: f64) -> Self {
        Self { measure: Some(Measure::Share((percent / 100.0).clamp(0.0, 1.0))), ..Self::default() }
    }

    /// Adds a message, unless it is empty.
    pub(crate) fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into()).filter(|message| !message.is_empty());
        self
    }
}
