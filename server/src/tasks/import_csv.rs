//! `import-csv`: an uploaded CSV file into a table of a database of its own.
//!
//! The file is read twice and never held in memory: Inspect reads all of it to find the types, so that none is guessed
//! wrong; Load fills a table that only this attempt knows; Index builds the indexes and, as the very last step, gives
//! the table its name. Until then nothing of it is visible, whatever happens.

mod database;
mod inspect;
mod load;
mod records;
mod rejects;
mod sniff;
mod types;

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use engine::{Ctx, Kind, Task, TaskError, Upload, UploadRef};
use model::{FieldError, Level};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use database::{Imports, Published, table_exists};
use inspect::{Plan, inspect};
use load::{Loaded, Loader, load};
use rejects::Rejects;
use types::ColumnType;

/// The task.
#[derive(Default)]
pub struct ImportCsv {
    /// Whose turn it is to write: the database takes one writer at a time, and serves those who wait in no order.
    turns: tokio::sync::Mutex<()>,
    /// The tables that running imports are filling.
    live: Mutex<HashSet<String>>,
}

/// What is to be imported, and how.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// File
    ///
    /// A CSV file in UTF-8.
    file: UploadRef,
    /// Table
    ///
    /// Its name in the database: letters, digits and underscores, beginning with a letter.
    #[schemars(length(min = 1, max = 63))]
    table: String,
    /// If the table exists
    #[serde(default)]
    if_exists: IfExists,
    /// Delimiter
    ///
    /// What stands between two fields.
    #[serde(default)]
    delimiter: Delimiter,
    /// First line
    ///
    /// Found out, it counts as names unless one of its fields is a number, a date, or true or false.
    #[serde(default)]
    header: Header,
    /// Records that do not fit
    ///
    /// Broken quotes, too many or too few fields. All that are left out stand in rejected.csv, with line and reason.
    #[serde(default)]
    on_error: OnError,
    /// Columns to index
    ///
    /// Names, separated by commas, of the columns that rows will be looked up by. For a new table only.
    #[serde(default)]
    #[schemars(length(max = 1_000))]
    index: String,
}

/// What to do where the table exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum IfExists {
    /// Refuse, and leave it alone
    #[default]
    Refuse,
    /// Append to it
    Append,
    /// Replace it
    Replace,
}

/// What stands between two fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Delimiter {
    /// Find out
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Comma
    #[serde(rename = ",")]
    Comma,
    /// Semicolon
    #[serde(rename = ";")]
    Semicolon,
    /// Tab
    #[serde(rename = "tab")]
    Tab,
    /// Vertical bar
    #[serde(rename = "|")]
    Bar,
}

impl Delimiter {
    fn byte(self) -> Option<u8> {
        match self {
            Self::Auto => None,
            Self::Comma => Some(b','),
            Self::Semicolon => Some(b';'),
            Self::Tab => Some(b'\t'),
            Self::Bar => Some(b'|'),
        }
    }

    fn name_of(byte: u8) -> &'static str {
        match byte {
            b';' => "semicolons",
            b'\t' => "tabs",
            b'|' => "vertical bars",
            _ => "commas",
        }
    }
}

/// What the first line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Header {
    /// Find out
    #[default]
    Auto,
    /// The names of the columns
    Yes,
    /// Data
    No,
}

/// What to do with a record that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnError {
    /// Leave it out and go on
    #[default]
    Skip,
    /// Stop, and import nothing
    Stop,
}

/// What came out.
#[derive(Serialize)]
pub struct Output {
    /// The table that now has the rows.
    table: String,
    /// Records in the file, without the header.
    rows_read: u64,
    /// Those that are in the table.
    rows_loaded: u64,
    /// Those that are not.
    rows_rejected: u64,
    /// What stood between two fields.
    delimiter: &'static str,
    /// Whether the first line named the columns.
    header: bool,
    /// Names and types of the columns.
    columns: Vec<Column>,
    /// The artifact with the records left out.
    rejected: &'static str,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: ColumnType,
}

impl Task for ImportCsv {
    const KIND: Kind = Kind::new("import-csv");
    const NAME: &'static str = "Import a CSV file";
    const ABOUT: &'static str = "Loads an uploaded CSV file into a table of a SQLite database, imports.db in the data \
                                 directory. Finds out delimiter, header and types.";
    const STAGES: &'static [&'static str] = &["Inspect", "Load", "Index"];
    const WEIGHTS: &'static [f64] = &[0.25, 0.65, 0.1];

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        format!("Import into {}", input.table)
    }

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        let mut characters = input.table.chars();
        let starts_well = characters.next().is_some_and(|first| first.is_ascii_alphabetic());
        let goes_on_well = characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        let message = if !starts_well || !goes_on_well {
            "a table's name begins with a letter (a-z) and goes on with letters, digits and underscores"
        } else if input.table.to_ascii_lowercase().starts_with("sqlite_") {
            "names that begin with sqlite_ belong to the database; choose another one"
        } else {
            return Ok(());
        };
        Err(vec![FieldError { field: "table".to_owned(), message: message.to_owned() }])
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let upload = ctx.upload(&input.file).await?;
        let live = Live::new(&self.live, format!("_staging_{}_{}", ctx.job(), ctx.attempt()));
        let mut imports = {
            let _turn = self.turns.lock().await;
            let mut imports = Imports::open(&ctx.imports(), &live.staging, ctx).await?;
            imports.sweep(&self.live).await?;
            imports
        };
        let result = Import { task: self, ctx, input: &input, upload: &upload }.run(&mut imports).await;
        let _turn = self.turns.lock().await;
        if let Err(error) = imports.clean_up().await {
            ctx.log(Level::Error, format!("the unfinished table could not be removed: {error}"));
        }
        result
    }
}

/// One import under way.
struct Import<'a> {
    task: &'a ImportCsv,
    ctx: &'a Ctx,
    input: &'a Input,
    upload: &'a Upload,
}

impl Import<'_> {
    async fn run(&self, imports: &mut Imports) -> Result<Output, TaskError> {
        let Self { ctx, input, upload, .. } = self;
        ctx.stage(0);
        ctx.message(format!("Reading {}", upload.name));
        let published = imports.is_published(ctx.job().0, &upload.id).await?;
        let existing = imports.columns_of(&input.table).await?;
        if existing.is_some() && input.if_exists == IfExists::Refuse && !published {
            return Err(table_exists(&input.table));
        }
        let (plan, rejects) = inspect(ctx, &upload.path, input, Rejects::begin(ctx).await?).await?;
        if plan.good == 0 {
            ctx.warn("the file has a header and no rows");
        }
        let existing = existing.filter(|_| input.if_exists == IfExists::Append);
        let appends = existing.is_some();
        let columns = match existing {
            Some(existing) => matched(&plan, &existing, &input.table)?,
            None => plan.columns.clone(),
        };
        let indexed = self.indexed(&columns)?;

        ctx.stage(1);
        ctx.message("");
        ctx.total(plan.good, "rows");
        imports.create_staging(&columns).await?;
        let loader = Loader::new(&upload.path, &plan, columns.clone(), input.on_error, rejects)?;
        let Loaded { rows, rejected } = load(ctx, imports, &self.task.turns, loader).await?;

        ctx.stage(2);
        let _turn = self.task.turns.lock().await;
        if appends && !indexed.is_empty() {
            ctx.log(Level::Info, "the table exists; its indexes are left as they are");
        } else {
            ctx.message("Building indexes");
            imports.index(&indexed).await?;
        }
        ctx.message(format!("Publishing {}", input.table));
        let job = (ctx.job().0, upload.id.as_str());
        if imports.publish(job, &input.table, input.if_exists, &columns).await? == Published::Before {
            ctx.log(
                Level::Info,
                "an earlier attempt published the table just before it was interrupted; left as it is",
            );
        }
        ctx.message("");
        Ok(Output {
            table: input.table.clone(),
            rows_read: rows + rejected,
            rows_loaded: rows,
            rows_rejected: rejected,
            delimiter: Delimiter::name_of(plan.delimiter),
            header: plan.header,
            columns,
            rejected: rejects::NAME,
        })
    }

    /// The columns to index, as the table spells them.
    fn indexed(&self, columns: &[Column]) -> Result<Vec<String>, TaskError> {
        let names = self.input.index.split(',').map(str::trim).filter(|name| !name.is_empty());
        let found = names.map(|name| {
            let column = find(columns, name).ok_or_else(|| {
                let message = format!("there is no column {name} to index; there are {}", listed(columns));
                TaskError::fatal("no_such_column", message)
            });
            column.map(|column| column.name.clone())
        });
        found.collect()
    }
}

/// The file's columns as the existing table has them: its spelling, its types.
fn matched(plan: &Plan, existing: &[Column], table: &str) -> Result<Vec<Column>, TaskError> {
    let matches = plan.columns.iter().map(|column| find(existing, &column.name).cloned().ok_or(&column.name));
    matches.collect::<Result<_, _>>().map_err(|missing| {
        let message = format!(
            "the file has a column {missing} that the table {table} has not; its columns are {}. Rename the column in \
             the file, or import into a new table",
            listed(existing)
        );
        TaskError::fatal("columns_differ", message)
    })
}

/// The column of that name, whatever the letter case, as the database looks for it.
fn find<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// The first names, for a message.
fn listed(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().take(20).map(|column| column.name.as_str()).collect();
    let more = if columns.len() > names.len() { " …" } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Keeps the table in the making from being swept away, while it lives.
struct Live<'a> {
    all: &'a Mutex<HashSet<String>>,
    staging: String,
}

impl<'a> Live<'a> {
    fn new(all: &'a Mutex<HashSet<String>>, staging: String) -> Self {
        all.lock().unwrap_or_else(PoisonError::into_inner).insert(staging.clone());
        Self { all, staging }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.staging);
    }
}
