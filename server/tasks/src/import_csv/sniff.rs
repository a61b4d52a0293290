//! Detection of file format, delimiter, header and column names by the first bytes of a file.

use std::collections::HashSet;

use engine::TaskError;
use model::count;

use super::{
    records::{Next, Records, Row},
    types::ColumnType,
};

/// Bytes at the start of a file that are examined.
pub(super) const SAMPLE: usize = 256 << 10;
/// Most columns of a table in SQLite.
pub(super) const MAX_COLUMNS: usize = 2_000;
/// Longest column name, characters.
const MAX_NAME: usize = 120;
/// The byte order mark that some programs write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Length of the byte order mark at the start, which is not part of a field; 0 if there is none.
pub(super) fn bom_length(sample: &[u8]) -> usize {
    if sample.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
}

/// Rejects files that are certainly not CSV in UTF-8, with the detected format in the error.
pub(super) fn reject_other_files(sample: &[u8]) -> Result<(), TaskError> {
    let refuse = |code, message: &str| Err(TaskError::fatal(code, message));
    match sample {
        [] => refuse("empty_file", "The file is empty."),
        [b'P', b'K', 3, 4, ..] => {
            refuse("not_csv", "this is a zip file or a spreadsheet; open it and save the sheet as CSV (UTF-8)")
        }
        [0x1f, 0x8b, ..] => refuse("not_csv", "this file is compressed with gzip; unpack it first"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => refuse("not_utf8", UTF_16),
        // Latin text in UTF-16 has a zero in every other byte.
        _ if memchr::memchr_iter(0, sample).count() > sample.len() / 4 => refuse("not_utf8", UTF_16),
        _ if memchr::memchr(0, sample).is_some() => refuse("not_csv", "Not a text file (contains NUL bytes)."),
        _ if memchr::memchr(b'\n', sample).is_none() && memchr::memchr(b'\r', sample).is_some() => refuse(
            "line_ends",
            "the lines end in carriage returns alone, as on old Macs; convert the file, for example with \
             tr '\\r' '\\n' < file.csv > new.csv",
        ),
        _ => Ok(()),
    }
}

const UTF_16: &str =
    "the file is in UTF-16; save it as UTF-8, for example with iconv -f UTF-16 -t UTF-8 file.csv > new.csv";

/// Detects the delimiter: the one with which most records of the sample have the same number of fields, more than one.
pub(super) fn delimiter(sample: &[u8]) -> u8 {
    // The last line may be incomplete.
    let whole = memchr::memrchr(b'\n', sample).map_or(sample, |end| &sample[..=end]);
    let best = [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|delimiter| agreement(whole, *delimiter));
    best.expect("there are four candidates")
}

/// Score of a delimiter: the share of records, in twentieths, with the most frequent number of fields, then that
/// number.
fn agreement(sample: &[u8], delimiter: u8) -> (usize, usize) {
    let mut records = Records::new(sample, delimiter);
    let mut row = Row::default();
    let mut widths: Vec<usize> = Vec::new();
    while widths.len() < 500 {
        match records.read(&mut row).expect("memory can be read") {
            Next::Row => widths.push(row.len()),
            Next::Malformed(_) => widths.push(0),
            Next::End => break,
        }
    }
    widths.sort_unstable();
    let runs = widths.chunk_by(|a, b| a == b).filter(|run| run[0] > 1);
    runs.map(|run| (run.len() * 20 / widths.len(), run[0])).max().unwrap_or_default()
}

/// Whether the first record is a header: none of its fields is a number, date or boolean, and at least one is not
/// empty.
pub(super) fn is_header(fields: &[&str]) -> bool {
    fields.iter().any(|field| !field.is_empty()) && !fields.iter().any(|field| ColumnType::is_typed(field))
}

/// Column names, with or without a header: not empty, and unique even without letter case, which SQLite ignores.
pub(crate) fn column_names(header: Option<&[&str]>, width: usize) -> Result<Vec<String>, TaskError> {
    if width > MAX_COLUMNS {
        let message = format!(
            "the first line has {} fields, and a table has {} columns at most; check the delimiter",
            count(width as u64),
            count(MAX_COLUMNS as u64)
        );
        return Err(TaskError::fatal("too_many_columns", message));
    }
    let given = |index: usize| header.and_then(|names| names.get(index)).copied().unwrap_or("");
    let mut taken = HashSet::new();
    let names = (0..width).map(|index| {
        let clean: String = given(index).trim().chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
        let base = if clean.is_empty() { format!("column_{}", index + 1) } else { clean };
        let mut name = base.clone();
        let mut number = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        name
    });
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiter_with_even_columns_wins() {
        assert_eq!(delimiter(b"a,b\n1,2\n"), b',');
        assert_eq!(delimiter(b"name;price\napple, red;1,50\npear, green, small;2,00\nfig;3\n"), b';');
        assert_eq!(delimiter(b"a\tb|c\n1\t2|3, and 4\n"), b'\t');
        assert_eq!(delimiter(b"a|b|c\n1|2|3\n"), b'|');
        assert_eq!(delimiter(b"one column\nof prose\n"), b',');
        assert_eq!(delimiter(b"\"a;b;c\",x\n\"d;e;f\",y\n"), b',');
    }

    #[test]
    fn first_line_with_number_or_date_is_data() {
        assert!(is_header(&["id", "name", ""]));
        assert!(!is_header(&["1", "name"]));
        assert!(!is_header(&["2024-01-01", "name"]));
        assert!(!is_header(&["", ""]));
    }

    #[test]
    fn column_names_are_unique() {
        let names = column_names(Some(&["id", " ID ", "", "id", "a\u{0}\nb", "id_2"]), 7).expect("few columns");
        assert_eq!(names, ["id", "ID_2", "column_3", "id_3", "ab", "id_2_2", "column_7"]);
    }

    #[test]
    fn other_file_formats_are_recognised() {
        let code = |sample: &[u8]| match reject_other_files(sample) {
            Err(TaskError::Fatal(fault)) => fault.code.as_str(),
            Err(other) => panic!("{other}"),
            Ok(()) => "",
        };
        assert_eq!(code(b""), "empty_file");
        assert_eq!(code(b"PK\x03\x04...."), "not_csv");
        assert_eq!(code(b"\x1f\x8b\x08"), "not_csv");
        assert_eq!(code(b"\xff\xfea\0,\0"), "not_utf8");
        assert_eq!(code(b"a\0,\0b\0\n\0"), "not_utf8");
        assert_eq!(code(b"a,b\rc,d\r"), "line_ends");
        assert_eq!(code(b"a,b\n"), "");
    }
}
