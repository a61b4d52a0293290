//! `curl`: its table, and its bar (`-#`).

use crate::{
    Measure, Progress,
    convention::Heard,
    line::Text,
    reading::{percentage, share},
};

/// A row of the table, a state of the bar, or the heads of the table, which say nothing.
pub(crate) fn curl(text: Text<'_>, unsure: bool) -> Option<Heard> {
    if text.line.starts_with("  % Total ") || text.line.trim_start().starts_with("Dload  Upload") {
        return Some(Heard::nothing());
    }
    let words: Vec<&str> = text.line.split_whitespace().collect();
    if let [percent, total, _, received, _, sent, _, _, _, _, _, speed] = words.as_slice() {
        return row(percent, total, received, sent, speed);
    }
    // One that is full at once is written over by nothing.
    let is_bar = text.rewritten || text.line.starts_with('#');
    let bar = words.last().filter(|_| !unsure && is_bar)?;
    Some(Heard::beside(Progress::percent(percentage(bar)?)))
}

/// `% Total % Received % Xferd, average speed down, up, times, current speed`.
fn row(percent: &str, total: &str, received: &str, sent: &str, speed: &str) -> Option<Heard> {
    let percent = share(percent)?;
    let [all, down, up] = [bytes(total)?, bytes(received)?, bytes(sent)?];
    bytes(speed)?;
    let (done, words) = if up > down { (up, sent) } else { (down, received) };
    if all == 0 {
        let measure = Some(Measure::Count { value: done, max: None, unit: "B".to_owned() });
        return Some(Heard::beside(Progress { measure, ..Progress::default() }.saying(format!("{speed}/s"))));
    }
    Some(Heard::beside(Progress::percent(percent).saying(format!("{words} of {total}, {speed}/s"))))
}

/// `8899k`, `57.2M`: powers of 1024.
fn bytes(word: &str) -> Option<u64> {
    let digits = word.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let scale = match &word[digits.len()..] {
        "" => 1.0,
        "k" => 1024.0,
        "M" => 1024_f64.powi(2),
        "G" => 1024_f64.powi(3),
        "T" => 1024_f64.powi(4),
        "P" => 1024_f64.powi(5),
        _ => return None,
    };
    digits.parse::<f64>().ok().filter(|number| *number >= 0.0).map(|number| (number * scale) as u64)
}
