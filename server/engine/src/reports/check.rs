//! Limits of a batch. Everything is checked before anything is taken.

use wire::{Entry, FieldProblem, Finish, Progress, Start, limits};

use super::{Content, ReportError};

/// The last number of an entry: all below are exact in JavaScript, too.
const LAST_NUMBER: u64 = 1 << 53;

/// Checks a report.
///
/// # Errors
/// `ReportError::Invalid` with all that is wrong.
pub(super) fn check(content: &Content) -> Result<(), ReportError> {
    let mut problems = Problems::default();
    match content {
        Content::Signal(entry, _) => problems.entry("", entry),
        Content::Batch(batch) => {
            if !(1..=LAST_NUMBER).contains(&batch.seq) {
                problems.add("/seq", "out_of_range", "entries are numbered from 1");
            }
            if batch.acked > LAST_NUMBER {
                problems.add("/acked", "out_of_range", "no entry has this number");
            }
            if batch.reporter.is_empty() || batch.reporter.len() > 64 {
                problems.add("/reporter", "invalid", "the reporter needs a mark of 1 to 64 characters");
            }
            let (least, most) = limits::HEARTBEAT;
            if batch.heartbeat.is_some_and(|seconds| !(least..=most).contains(&seconds)) {
                problems.add(
                    "/heartbeat",
                    "out_of_range",
                    format!("a heartbeat is between {least} and {most} seconds"),
                );
            }
            if batch.entries.len() > limits::BATCH_ENTRIES {
                problems.add("/entries", "too_many", format!("a batch has at most {} entries", limits::BATCH_ENTRIES));
            }
            let lines: usize = batch.entries.iter().map(lines_of).sum();
            if lines > limits::BATCH_LINES {
                problems.add("/entries", "too_many", format!("a batch has at most {} log lines", limits::BATCH_LINES));
            }
            for (index, entry) in batch.entries.iter().enumerate() {
                problems.entry(&format!("/entries/{index}"), entry);
            }
            if let Some(start) = &batch.start {
                problems.start("/start", start);
            }
        }
    }
    problems.done()
}

fn lines_of(entry: &Entry) -> usize {
    if let Entry::Log(log) = entry { log.lines.len() } else { 0 }
}

#[derive(Default)]
struct Problems(Vec<FieldProblem>);

impl Problems {
    fn add(&mut self, pointer: impl Into<String>, code: &str, detail: impl Into<String>) {
        self.0.push(FieldProblem { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() });
    }

    fn done(self) -> Result<(), ReportError> {
        if self.0.is_empty() { Ok(()) } else { Err(ReportError::Invalid(self.0)) }
    }

    fn entry(&mut self, at: &str, entry: &Entry) {
        match entry {
            Entry::Start(start) => self.start(at, start),
            Entry::Progress(progress) => self.progress(at, progress),
            Entry::Finish(finish) => self.finish(at, finish),
            Entry::Log(log) => {
                for (index, (_, level, _)) in log.lines.iter().enumerate() {
                    if model::Level::from_word(level).is_none() {
                        let detail = "a level is debug, info, warn or error";
                        self.add(format!("{at}/lines/{index}/1"), "invalid", detail);
                    }
                }
            }
            Entry::Lost { .. } | Entry::Unknown => {}
        }
    }

    fn start(&mut self, at: &str, start: &Start) {
        let (most, longest) = limits::STAGES;
        if start.stages.len() > most {
            self.add(format!("{at}/stages"), "too_many", format!("a run has at most {most} stages"));
        }
        if start.stages.iter().any(|name| name.trim().is_empty() || name.len() > longest) {
            self.add(format!("{at}/stages"), "invalid", format!("a stage has a name of 1 to {longest} bytes"));
        }
        if start.title.chars().count() > limits::TITLE_CHARS {
            self.add(
                format!("{at}/title"),
                "too_long",
                format!("a title has at most {} characters", limits::TITLE_CHARS),
            );
        }
        for (name, text) in
            [("host", &start.host), ("user", &start.user), ("program", &start.program), ("agent", &start.agent)]
        {
            self.length(&format!("{at}/{name}"), text, 200);
        }
        self.length(&format!("{at}/link"), &start.link, 2_000);
        self.length(&format!("{at}/parent"), &start.parent, 64);
        self.length(&format!("{at}/trace"), &start.trace, 100);
        if !start.link.is_empty() && !start.link.starts_with("https://") && !start.link.starts_with("http://") {
            self.add(format!("{at}/link"), "invalid", "a link begins with https:// or http://");
        }
    }

    fn progress(&mut self, at: &str, progress: &Progress) {
        let message = progress.message.as_deref().unwrap_or_default();
        self.length(&format!("{at}/message"), message, limits::MESSAGE_BYTES);
        self.length(&format!("{at}/unit"), progress.unit.as_deref().unwrap_or_default(), limits::UNIT_BYTES);
        if progress.tone.as_deref().is_some_and(|tone| !["info", "success", "warning", "danger"].contains(&tone)) {
            self.add(format!("{at}/tone"), "invalid", "a tone is info, success, warning or danger");
        }
        if let Some(data) = &progress.data {
            if !data.is_object() {
                self.add(format!("{at}/data"), "invalid", "data is a JSON object");
            }
            self.length(&format!("{at}/data"), &data.to_string(), limits::DATA_BYTES);
        }
    }

    fn finish(&mut self, at: &str, finish: &Finish) {
        self.length(&format!("{at}/message"), finish.message.as_deref().unwrap_or_default(), limits::MESSAGE_BYTES);
        self.length(&format!("{at}/signal"), finish.signal.as_deref().unwrap_or_default(), 20);
        if finish.elapsed.is_some_and(|seconds| !seconds.is_finite() || seconds < 0.0) {
            self.add(format!("{at}/elapsed"), "out_of_range", "the elapsed time is not negative");
        }
        if finish.result.as_ref().is_some_and(|result| result.to_string().len() > limits::RESULT_BYTES) {
            self.add(
                format!("{at}/result"),
                "too_long",
                format!("a result has at most {} bytes", limits::RESULT_BYTES),
            );
        }
    }

    fn length(&mut self, pointer: &str, text: &str, most: usize) {
        if text.len() > most {
            self.add(pointer, "too_long", format!("this has {} bytes; at most {most} are allowed", text.len()));
        }
    }
}
