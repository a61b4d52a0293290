//! Parquet writer, compressed with Zstandard. Columns of tables have their imported type, others the type of their
//! first rows; a later value of another type fails the export.

use std::{io, sync::Arc};

use engine::{BudgetFile, TaskError};
use model::count;
use parquet::{
    basic::{Compression, LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriterImpl,
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
    schema::types::Type,
};
use time::{Date, Month};

use super::{
    Column, Heading,
    query::{Row, Value},
    writing,
};
use crate::import_csv::types::ColumnType;

/// Most bytes in memory and most rows of a row group.
const GROUP_BYTES: usize = 32 << 20;
const GROUP_ROWS: usize = 1_000_000;
/// Whole numbers up to this one are exact as 64-bit floats.
const EXACT: u64 = 1 << 53;

pub(super) struct ParquetFile {
    out: SerializedFileWriter<BudgetFile>,
    columns: Vec<ColumnBuilder>,
    /// Rows in the current group, and their bytes.
    rows: usize,
    bytes: usize,
}

/// A column of the current row group.
struct ColumnBuilder {
    name: String,
    kind: Kind,
    values: Values,
    /// Definition levels: 1 for a value, 0 for null.
    present: Vec<i16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Real,
    Boolean,
    /// Days since 1970.
    Date,
    Text,
    Bytes,
}

enum Values {
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Boolean(Vec<bool>),
    Date(Vec<i32>),
    Bytes(Vec<ByteArray>),
}

impl ParquetFile {
    pub(super) fn begin(file: BudgetFile, headings: &[Heading], first: &[Row]) -> Result<Self, TaskError> {
        let columns: Vec<ColumnBuilder> = headings
            .iter()
            .enumerate()
            .map(|(at, heading)| {
                let kind = heading.declared.map_or_else(|| found(first.iter().filter_map(|row| row.get(at))), declared);
                ColumnBuilder { name: heading.name.clone(), kind, values: kind.none(), present: Vec::new() }
            })
            .collect();
        let fields = columns.iter().map(|column| column.kind.field(&column.name)).collect::<Result<Vec<_>, _>>();
        let schema = Type::group_type_builder("rows").with_fields(fields.map_err(failed)?).build().map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            // Statistics of chunks only: those of pages would be kept in memory until the end.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .build();
        let out = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        Ok(Self { out, columns, rows: 0, bytes: 0 })
    }

    /// Adds row `number`, counted from 1.
    pub(super) fn write(&mut self, number: u64, row: Row) -> Result<(), TaskError> {
        for (column, value) in self.columns.iter_mut().zip(row) {
            self.bytes += column.add(value).map_err(|misfit| {
                let message = format!(
                    "row {}: column {} holds {misfit}, and {} before it; write cast({} as text) in the query, or export \
                     to CSV",
                    count(number),
                    column.name,
                    column.kind.words(),
                    column.name
                );
                TaskError::fatal("mixed_types", message)
            })?;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES { self.end_group() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> Result<Vec<Column>, TaskError> {
        if self.rows > 0 {
            self.end_group()?;
        }
        self.out.close().map_err(failed)?;
        let columns = self.columns.into_iter();
        Ok(columns.map(|column| Column { name: column.name, kind: column.kind.word() }).collect())
    }

    fn end_group(&mut self) -> Result<(), TaskError> {
        let mut group = self.out.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let mut out = group.next_column().map_err(failed)?.ok_or_else(|| {
                TaskError::fatal("io", "writing the export: the file has fewer columns than the result")
            })?;
            let present = std::mem::take(&mut column.present);
            match std::mem::replace(&mut column.values, column.kind.none()) {
                Values::Integer(values) => put(out.typed::<Int64Type>(), &values, &present),
                Values::Real(values) => put(out.typed::<DoubleType>(), &values, &present),
                Values::Boolean(values) => put(out.typed::<BoolType>(), &values, &present),
                Values::Date(values) => put(out.typed::<Int32Type>(), &values, &present),
                Values::Bytes(values) => put(out.typed::<ByteArrayType>(), &values, &present),
            }
            .and_then(|()| out.close())
            .map_err(failed)?;
        }
        group.close().map_err(failed)?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

fn put<T: DataType>(out: &mut ColumnWriterImpl<'_, T>, values: &[T::T], present: &[i16]) -> Result<(), ParquetError> {
    out.write_batch(values, Some(present), None).map(drop)
}

impl ColumnBuilder {
    /// Adds a value. Returns its size in memory, or a description of the value if it has another type.
    fn add(&mut self, value: Value) -> Result<usize, String> {
        const LEVEL: usize = size_of::<i16>();
        if value == Value::Null {
            self.present.push(0);
            return Ok(LEVEL);
        }
        let size = match (&mut self.values, self.kind, value) {
            (Values::Integer(values), _, Value::Integer(number)) => {
                values.push(number);
                8
            }
            (Values::Real(values), _, Value::Real(number)) => {
                values.push(number);
                8
            }
            (Values::Real(values), _, Value::Integer(number)) if number.unsigned_abs() <= EXACT => {
                values.push(number as f64);
                8
            }
            (Values::Boolean(values), _, Value::Integer(number @ (0 | 1))) => {
                values.push(number == 1);
                1
            }
            (Values::Date(values), _, Value::Text(text)) => {
                values.push(days(&text).ok_or_else(|| misfit(&Value::Text(text)))?);
                4
            }
            (Values::Bytes(values), Kind::Bytes, Value::Blob(bytes)) => added(values, bytes),
            (Values::Bytes(values), Kind::Text, Value::Text(text)) => added(values, text.into_bytes()),
            (Values::Bytes(values), Kind::Text, Value::Integer(number)) => added(values, number.to_string().into()),
            (Values::Bytes(values), Kind::Text, Value::Real(number)) => added(values, format!("{number:?}").into()),
            (_, _, other) => return Err(misfit(&other)),
        };
        self.present.push(1);
        Ok(size + LEVEL)
    }
}

fn added(values: &mut Vec<ByteArray>, bytes: Vec<u8>) -> usize {
    let size = bytes.len() + size_of::<ByteArray>();
    values.push(bytes.into());
    size
}

fn misfit(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(number) => format!("the whole number {number}"),
        Value::Real(number) => format!("the number {number:?}"),
        Value::Text(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
        Value::Blob(_) => "bytes".to_owned(),
    }
}

impl Kind {
    fn none(self) -> Values {
        match self {
            Self::Integer => Values::Integer(Vec::new()),
            Self::Real => Values::Real(Vec::new()),
            Self::Boolean => Values::Boolean(Vec::new()),
            Self::Date => Values::Date(Vec::new()),
            Self::Text | Self::Bytes => Values::Bytes(Vec::new()),
        }
    }

    fn field(self, name: &str) -> Result<Arc<Type>, ParquetError> {
        let (physical, logical) = match self {
            Self::Integer => (Physical::INT64, None),
            Self::Real => (Physical::DOUBLE, None),
            Self::Boolean => (Physical::BOOLEAN, None),
            Self::Date => (Physical::INT32, Some(LogicalType::Date)),
            Self::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Self::Bytes => (Physical::BYTE_ARRAY, None),
        };
        let field = Type::primitive_type_builder(name, physical).with_logical_type(logical);
        field.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Integer => "whole numbers",
            Self::Real => "numbers",
            Self::Boolean => "true and false",
            Self::Date => "dates",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

/// The type for a declared column. Timestamps stay text, since some have a zone and some have none.
const fn declared(kind: ColumnType) -> Kind {
    match kind {
        ColumnType::Integer => Kind::Integer,
        ColumnType::Real => Kind::Real,
        ColumnType::Boolean => Kind::Boolean,
        ColumnType::Date => Kind::Date,
        ColumnType::Timestamp | ColumnType::Text => Kind::Text,
    }
}

/// The common type of values. Text includes numbers, and is the type of a column with only nulls.
fn found<'v>(values: impl Iterator<Item = &'v Value>) -> Kind {
    let kinds = values.filter_map(|value| match value {
        Value::Null => None,
        Value::Integer(_) => Some(Kind::Integer),
        Value::Real(_) => Some(Kind::Real),
        Value::Text(_) => Some(Kind::Text),
        Value::Blob(_) => Some(Kind::Bytes),
    });
    let both = |one, other| match (one, other) {
        (one, other) if one == other => one,
        (Kind::Integer, Kind::Real) | (Kind::Real, Kind::Integer) => Kind::Real,
        _ => Kind::Text,
    };
    kinds.reduce(both).unwrap_or(Kind::Text)
}

/// Days since 1970 of `YYYY-MM-DD`.
fn days(text: &str) -> Option<i32> {
    let mut parts = text.splitn(3, '-');
    let mut number = || parts.next()?.parse::<u16>().ok();
    let (year, month, day) = (number()?, number()?, number()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()?;
    let epoch = Date::from_ordinal_date(1970, 1).ok()?;
    Some(date.to_julian_day() - epoch.to_julian_day())
}

fn failed(error: ParquetError) -> TaskError {
    writing(&match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    })
}
