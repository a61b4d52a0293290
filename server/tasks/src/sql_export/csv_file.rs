//! CSV writer (RFC 4180): commas, a header, CRLF. Null is an empty field and empty text is `""`; in a single column
//! both are `""`, since readers skip empty lines. Blobs are hexadecimal; boolean columns are `true` and `false`.

use std::{
    borrow::Cow,
    fmt::Write,
    io::{self, BufWriter},
};

use csv::{QuoteStyle, Terminator, Writer, WriterBuilder};
use engine::{BudgetFile, TaskError};

use super::{
    Column, Formulas, Heading,
    query::{Row, Value},
    writing,
};
use crate::{csv_cell::escape_cell, import_csv::types::ColumnType};

pub(super) struct CsvFile {
    out: Writer<BufWriter<BudgetFile>>,
    headings: Vec<Heading>,
    formulas: Formulas,
}

impl CsvFile {
    pub(super) fn begin(file: BudgetFile, formulas: Formulas, headings: &[Heading]) -> Result<Self, TaskError> {
        let out = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            // The writer's own rules do not distinguish null from empty text.
            .quote_style(QuoteStyle::Never)
            .from_writer(BufWriter::new(file));
        let mut file = Self { out, headings: headings.to_vec(), formulas };
        for heading in headings {
            let name = file.text(&heading.name);
            file.out.write_field(name.as_bytes()).map_err(failed)?;
        }
        file.end_record()?;
        Ok(file)
    }

    pub(super) fn write(&mut self, row: &Row) -> Result<(), TaskError> {
        for (index, value) in row.iter().enumerate() {
            let truth = self.headings.get(index).is_some_and(|to| to.declared == Some(ColumnType::Boolean));
            let text = match value {
                Value::Null => Cow::Borrowed(""),
                Value::Integer(0) if truth => Cow::Borrowed("false"),
                Value::Integer(1) if truth => Cow::Borrowed("true"),
                Value::Integer(number) => Cow::Owned(number.to_string()),
                // The shortest digits that parse to the same number.
                Value::Real(number) => Cow::Owned(format!("{number:?}")),
                Value::Text(text) => self.text(text),
                Value::Blob(bytes) => Cow::Owned(hexadecimal(bytes)),
            };
            self.out.write_field(text.as_bytes()).map_err(failed)?;
        }
        self.end_record()
    }

    pub(super) fn finish(mut self) -> Result<Vec<Column>, TaskError> {
        self.out.flush().map_err(|error| writing(&error))?;
        let columns = self.headings.into_iter().map(|heading| {
            let kind = heading.declared.map_or("any", ColumnType::as_str);
            Column { name: heading.name, kind }
        });
        Ok(columns.collect())
    }

    fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let text = match self.formulas {
            Formulas::Disarm => escape_cell(text),
            Formulas::Keep => Cow::Borrowed(text),
        };
        let plain = !text.is_empty() && !text.contains(['"', ',', '\r', '\n']);
        if plain { text } else { Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))) }
    }

    fn end_record(&mut self) -> Result<(), TaskError> {
        self.out.write_record(None::<&[u8]>).map_err(failed)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("text can be written to");
    }
    text
}

fn failed(error: csv::Error) -> TaskError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => writing(&error),
        other => writing(&io::Error::other(format!("{other:?}"))),
    }
}
