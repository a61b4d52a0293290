//! Format of `rsync --info=progress2`: one rewritten line for all files.

use crate::{Progress, format::Parsed, formats::percentage};

/// Parses `      1,671,168  37%    1.46MB/s    0:00:01 (xfr#1, to-chk=3/5)`. The percentage can
/// decrease while rsync searches for files, except with `--no-inc-recursive`.
pub(crate) fn rsync(text: &str) -> Option<Parsed> {
    let mut words = text.split_whitespace();
    let [sent, percent, speed, time] = [words.next()?, words.next()?, words.next()?, words.next()?];
    let is_amount = |word: &str| word.starts_with(|c: char| c.is_ascii_digit()) && !word.contains(['/', ':', '%']);
    if !is_amount(sent) || !speed.ends_with("B/s") || !time.contains(':') {
        return None;
    }
    let sent = if sent.ends_with(|c: char| c.is_ascii_digit()) { format!("{sent} bytes") } else { sent.to_owned() };
    Some(Parsed::progress_and_line(Progress::percent(percentage(percent)?).with_message(format!("{sent}, {speed}"))))
}
