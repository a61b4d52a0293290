//! `rsync --info=progress2`: one line for all files, written over.

use crate::{Progress, convention::Heard, reading::percentage};

/// `      1,671,168  37%    1.46MB/s    0:00:01 (xfr#1, to-chk=3/5)`. While rsync still looks for files the percentage can
/// fall; with `--no-inc-recursive` it does not.
pub(crate) fn rsync(text: &str) -> Option<Heard> {
    let mut words = text.split_whitespace();
    let [sent, percent, speed, time] = [words.next()?, words.next()?, words.next()?, words.next()?];
    let is_amount = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(['/', ':', '%']);
    if !is_amount(sent) || !speed.ends_with("B/s") || !time.contains(':') {
        return None;
    }
    let sent = if sent.ends_with(|c: char| c.is_ascii_digit()) { format!("{sent} bytes") } else { sent.to_owned() };
    Some(Heard::beside(Progress::percent(percentage(percent)?).saying(format!("{sent}, {speed}"))))
}
