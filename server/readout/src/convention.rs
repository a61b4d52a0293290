//! By which convention a program says how far it is, and what is made of what it prints.

use model::{Level, Paint};

use crate::{
    Event, Line, Measure, Progress, Stream, Verdict,
    line::{LINE_LENGTH, Piece, Text},
    reading::{self, Ffmpeg, Numbers},
};

/// How a program says how far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Convention {
    /// Whatever it turns out to be: any of the others but [`Convention::Fraction`]. What says more, or says it more
    /// clearly, is heard alone once it has been heard.
    #[default]
    Auto,
    /// JSON lines: `{"progress":0.5,"message":"half"}`, and what Cronicle and xyOps take.
    Json,
    /// `NN%`, alone in a line or not.
    Percent,
    /// A number from 0 to 100 alone in a line, as `pv -n` and `dialog --gauge` have it.
    Number,
    /// The control sequence OSC 9;4, by which terminals show progress.
    Osc,
    /// `n/m`, as `ninja` prints it.
    Fraction,
    /// `rsync --info=progress2`.
    Rsync,
    /// `ffmpeg`, best with `-progress pipe:1 -nostats`. How long it takes is what its banner says of the longest input.
    Ffmpeg,
    /// `restic --json`.
    Restic,
    /// `rclone --use-json-log -v --stats 1s`.
    Rclone,
    /// `curl`, with either of its meters.
    Curl,
    /// It does not.
    None,
}

impl Convention {
    /// All of them.
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

    /// Its word in the configuration.
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

    /// The one that a word names, if it names one.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|convention| convention.as_str() == word)
    }
}

/// What [`Convention::Auto`] tries, the clearest first.
const TRIED: [Convention; 10] = [
    Convention::Restic,
    Convention::Rclone,
    Convention::Json,
    Convention::Ffmpeg,
    Convention::Osc,
    Convention::Rsync,
    Convention::Curl,
    Convention::Percent,
    Convention::Number,
    // Here: any percentage in a line that is written over.
    Convention::Fraction,
];

/// What a convention makes of a line.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) progress: Option<Progress>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) log: Log,
}

/// What the log gets of a line.
#[derive(Debug, Default)]
pub(crate) enum Log {
    /// The line.
    #[default]
    AsItIs,
    /// This instead.
    Instead(Option<Level>, String),
    /// Nothing: it is meant for programs.
    Nothing,
}

/// Listens to one program.
#[derive(Debug)]
pub(crate) struct Listening {
    convention: Convention,
    /// The place in [`TRIED`] of the clearest convention heard so far.
    clearest: usize,
    ffmpeg: Ffmpeg,
    numbers: Numbers,
}

impl Listening {
    pub(crate) fn new(convention: Convention) -> Self {
        Self { convention, clearest: TRIED.len(), ffmpeg: Ffmpeg::default(), numbers: Numbers::default() }
    }

    /// Tells what a piece means.
    pub(crate) fn hear(&mut self, stream: Stream, piece: Piece<'_>, events: &mut Vec<Event>) {
        match piece {
            Piece::Bar(state, percent) => {
                // One that only appears or goes says nothing about progress.
                let progress = reading::bar(state, percent).filter(|_| self.allows(Convention::Osc));
                events.extend(progress.map(Event::Progress));
            }
            Piece::Text(text) => {
                let heard = self.understand(stream, text).unwrap_or_default();
                events.extend(heard.progress.map(Event::Progress));
                events.extend(heard.verdict.map(Event::Verdict));
                if text.last {
                    events.extend(line(stream, text, heard.log).map(Event::Line));
                }
            }
        }
    }

    /// Whether what is said by `convention` is listened to; from then on, nothing less clear is.
    fn allows(&mut self, convention: Convention) -> bool {
        if self.convention != Convention::Auto {
            return self.convention == convention;
        }
        let place = TRIED.iter().position(|tried| *tried == convention);
        let heard = place.is_some_and(|place| place <= self.clearest);
        if let Some(place) = place.filter(|_| heard) {
            self.clearest = place;
        }
        heard
    }

    fn understand(&mut self, stream: Stream, text: Text<'_>) -> Option<Heard> {
        if text.left_out > 0 {
            return None;
        }
        if self.convention != Convention::Auto {
            return self.try_one(self.convention, stream, text);
        }
        for (place, convention) in TRIED.into_iter().enumerate().take(self.clearest + 1) {
            if let Some(heard) = self.try_one(convention, stream, text) {
                if heard.progress.is_some() {
                    self.clearest = place;
                }
                return Some(heard);
            }
        }
        None
    }

    /// What `convention` makes of the line; `None` where it has nothing to do with it.
    fn try_one(&mut self, convention: Convention, stream: Stream, text: Text<'_>) -> Option<Heard> {
        let auto = self.convention == Convention::Auto;
        match convention {
            Convention::Json => reading::json(text.line),
            Convention::Percent => reading::percent(text, auto),
            Convention::Number => self.numbers.read(stream, text, auto),
            Convention::Fraction if auto => reading::guess(text),
            Convention::Fraction => reading::fraction(text.line),
            Convention::Rsync => reading::rsync(text.line),
            Convention::Ffmpeg => self.ffmpeg.read(text.line, auto),
            Convention::Restic => reading::restic(text.line),
            Convention::Rclone => reading::rclone(text.line),
            Convention::Curl => reading::curl(text, auto),
            Convention::Auto | Convention::Osc | Convention::None => None,
        }
    }
}

/// The line for the log.
fn line(stream: Stream, text: Text<'_>, log: Log) -> Option<Line> {
    let (level, whole, left_out, mut paint) = match log {
        Log::Nothing => return None,
        Log::AsItIs => (None, text.line.to_owned(), text.left_out, paint(text)),
        Log::Instead(level, instead) => (level, printable(&instead), 0, Paint::default()),
    };
    let mut line = whole;
    let cut = line.floor_char_boundary(LINE_LENGTH);
    let left_out = left_out + (line.len() - cut) as u64;
    if left_out > 0 {
        line.truncate(cut);
        paint.cut(cut);
        line.push_str(" … and ");
        line.push_str(&model::bytes(left_out));
        line.push_str(" more of this line");
    }
    Some(Line { stream, level, text: line, paint })
}

/// What JSON has said, which can hold any character, without what would steer a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

/// The colours of a line.
fn paint(text: Text<'_>) -> Paint {
    let mut paint = Paint::default();
    for (at, style) in text.styles.iter().filter(|(at, _)| *at < text.line.len()) {
        paint.change(*at, &style.word());
    }
    paint
}

impl Heard {
    /// Progress, and nothing for the log.
    pub(crate) fn only(progress: Progress) -> Self {
        Self { progress: Some(progress), verdict: None, log: Log::Nothing }
    }

    /// Progress in a line that is for people too.
    pub(crate) fn beside(progress: Progress) -> Self {
        Self { progress: Some(progress), ..Self::default() }
    }

    /// Nothing at all.
    pub(crate) fn nothing() -> Self {
        Self { log: Log::Nothing, ..Self::default() }
    }
}

impl Progress {
    /// So much of the whole, of 100.
    pub(crate) fn percent(percent: f64) -> Self {
        Self { measure: Some(Measure::Share((percent / 100.0).clamp(0.0, 1.0))), ..Self::default() }
    }

    /// With words, where there are any.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into()).filter(|message| !message.is_empty());
        self
    }
}
