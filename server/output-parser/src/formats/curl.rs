//! Format of `curl`: its table, and its bar (`-#`).

use crate::{
    Measure, Progress,
    format::Parsed,
    formats::{percentage, share},
    line::Text,
};

/// Parses a row of the table, a state of the bar, or the head of the table.
pub(crate) fn curl(text: Text<'_>, auto: bool) -> Option<Parsed> {
    if text.line.starts_with("  % Total ") || text.line.trim_start().starts_with("Dload  Upload") {
        return Some(Parsed::ignored());
    }
    let words: Vec<&str> = text.line.split_whitespace().collect();
    if let [percent, total, _, received, _, sent, _, _, _, _, _, speed] = words.as_slice() {
        return row(percent, total, received, sent, speed);
    }
    // A bar that is full at once is not rewritten.
    let is_bar = text.rewritten || text.line.starts_with('#');
    let bar = words.last().filter(|_| !auto && is_bar)?;
    Some(Parsed::progress_and_line(Progress::percent(percentage(bar)?)))
}

/// Parses `% Total % Received % Xferd, average speed down, up, times, current speed`.
fn row(percent: &str, total: &str, received: &str, sent: &str, speed: &str) -> Option<Parsed> {
    let percent = share(percent)?;
    let [all, down, up] = [bytes(total)?, bytes(received)?, bytes(sent)?];
    bytes(speed)?;
    let (done, words) = if up > down { (up, sent) } else { (down, received) };
    if all == 0 {
        let measure = Some(Measure::Count { value: done, max: None, unit: "B".to_owned() });
        return Some(Parsed::progress_and_line(
            Progress { measure, ..Progress::default() }.with_message(format!("{speed}/s")),
        ));
    }
    Some(Parsed::progress_and_line(Progress::percent(percent).with_message(format!("{words} of {total}, {speed}/s"))))
}

/// Parses `8899k` or `57.2M`, in powers of 1024.
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
