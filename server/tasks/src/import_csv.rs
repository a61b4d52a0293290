//! `import-csv`: an uploaded CSV file into a table of a database of its own.
//!
//! The file is read twice and never held in memory: Inspect reads all of it to find the types, so that none is guessed
//! wrong; Load fills a table that only this attempt knows; Index builds the indexes and, as the very last step, gives
//! the table its name. Until then nothing of it is visible, whatever happens. An attempt that ends in Inspect or Load can
//! be continued by the next; in Load, that one takes over its table.

mod database;
mod inspect;
mod load;
mod records;
mod rejects;
pub(crate) mod sniff;
pub(crate) mod types;

use engine::{Ctx, Kind, Queue, Task, TaskError, Upload, UploadRef};
use model::{FieldError, Level, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use database::{Imports, Published, table_exists};
use inspect::{Inspected, Plan, inspect};
use load::{Loaded, Loader, Saved, load};
use rejects::Rejects;
use types::ColumnType;

/// The task.
#[derive(Default)]
pub(crate) struct ImportCsv {
    /// Whose turn it is to write: the database takes one writer at a time, and serves those who wait in no order.
    turns: tokio::sync::Mutex<()>,
}

/// What is to be imported, and how.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    /// File
    ///
    /// A CSV file in UTF-8.
    file: UploadRef,
    /// Table
    ///
    /// Letters, digits and underscores, starting with a letter.
    #[schemars(length(min = 1, max = 63))]
    table: String,
    /// If the table exists
    #[serde(default)]
    if_exists: IfExists,
    /// Delimiter
    ///
    /// Character between fields.
    #[serde(default)]
    delimiter: Delimiter,
    /// First row
    ///
    /// Auto-detect treats it as data if a field is a number, date or boolean.
    #[serde(default)]
    header: Header,
    /// Invalid rows
    ///
    /// Broken quotes, too many or too few fields. Skipped rows are listed in rejected.csv.
    #[serde(default)]
    on_error: OnError,
    /// Columns to index
    ///
    /// Comma-separated. New tables only.
    #[serde(default)]
    #[schemars(length(max = 1_000))]
    index: String,
}

/// What to do where the table exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IfExists {
    /// Fail
    #[default]
    Refuse,
    /// Append
    Append,
    /// Replace
    Replace,
}

/// Character between fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Delimiter {
    /// Auto-detect
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
    /// Pipe
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
pub(crate) enum Header {
    /// Auto-detect
    #[default]
    Auto,
    /// Column names
    Yes,
    /// Data
    No,
}

/// What to do with a record that does not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnError {
    /// Skip
    #[default]
    Skip,
    /// Fail without importing
    Stop,
}

/// What came out.
#[derive(Serialize)]
pub(crate) struct Output {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: ColumnType,
}

impl Task for ImportCsv {
    const KIND: Kind = Kind::new("import-csv");
    const NAME: &'static str = "Import a CSV file";
    const ABOUT: &'static str =
        "Imports a CSV file into a table of imports.db. Detects delimiter, header and column types.";
    const STAGES: &'static [&'static str] = &["Inspect", "Load", "Index"];
    const WEIGHTS: &'static [f64] = &[0.25, 0.65, 0.1];
    const QUEUE: Queue = super::DISK;
    const CHECKPOINTS: bool = true;

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
        let checkpoint: Option<Checkpoint> = ctx.restore().await?;
        // Without it the table in the making would be taken for a leftover.
        ctx.work_folder().await?;
        let mut imports = {
            let _turn = self.turns.lock().await;
            let mut imports = Imports::open(&ctx.imports(), ctx).await?;
            imports.sweep(ctx).await?;
            imports
        };
        let result = Import { task: self, ctx, input: &input, upload: &upload }.run(&mut imports, checkpoint).await;
        let _turn = self.turns.lock().await;
        if let Err(error) = imports.clean_up(result.is_ok() || ends_on_full_disk(&result)).await {
            ctx.log(Level::Error, format!("cannot remove the unfinished table: {error}"));
        }
        result
    }
}

/// Whether its working files go with it: nothing could go on with the table either.
fn ends_on_full_disk<T>(result: &Result<T, TaskError>) -> bool {
    matches!(result, Err(TaskError::Retry(fault)) if fault.code.as_str() == "disk_full")
}

/// What a checkpoint holds, made in one stage or the other.
#[derive(Deserialize)]
#[serde(untagged)]
enum Checkpoint {
    Load(Saved),
    Inspect(Inspected),
}

/// What an earlier attempt has come to.
enum Earlier {
    /// Nothing that can be continued.
    Nothing,
    /// A table in the making.
    Unfinished(Box<Loader>),
    /// The table that was wanted.
    Published(Box<(Saved, Rejects)>),
}

/// One import under way.
struct Import<'a> {
    task: &'a ImportCsv,
    ctx: &'a Ctx,
    input: &'a Input,
    upload: &'a Upload,
}

impl Import<'_> {
    async fn run(&self, imports: &mut Imports, checkpoint: Option<Checkpoint>) -> Result<Output, TaskError> {
        let Self { ctx, input, upload, .. } = self;
        let (saved, inspected) = match checkpoint {
            Some(Checkpoint::Load(saved)) => (Some(saved), None),
            Some(Checkpoint::Inspect(inspected)) => (None, Some(inspected)),
            None => (None, None),
        };
        ctx.stage(0);
        let published = imports.is_published(ctx.job().0, &upload.id).await?;
        let existing = imports.columns_of(&input.table).await?;
        if existing.is_some() && input.if_exists == IfExists::Refuse && !published {
            return Err(table_exists(&input.table));
        }
        let existing = existing.filter(|_| input.if_exists == IfExists::Append);
        let appends = existing.is_some();
        let loader = match self.take_up(imports, saved, published).await? {
            Earlier::Published(all) => return self.published_before(*all).await,
            Earlier::Unfinished(loader) => *loader,
            Earlier::Nothing => self.begin(imports, existing, inspected).await?,
        };

        ctx.message("");
        let Loaded { saved, rejected } = load(ctx, imports, &self.task.turns, loader).await?;
        let columns = &saved.plan.columns;
        let indexed = self.indexed(columns)?;

        ctx.stage(2);
        {
            let _turn = self.task.turns.lock().await;
            if appends && !indexed.is_empty() {
                ctx.log(Level::Info, "the table exists; its indexes are left as they are");
            } else {
                ctx.message("Building indexes");
                imports.index(&indexed).await?;
            }
        }
        ctx.message(format!("Publishing {}", input.table));
        let _turn = self.task.turns.lock().await;
        // Awaited right before the commit. Fails where the job has been given to another worker: what is published is seen
        // at once.
        imports.keep_staging();
        let last = ctx.checkpoint(&saved);
        let job = (ctx.job().0, upload.id.as_str());
        if imports.publish(job, &input.table, input.if_exists, columns, last).await? == Published::Before {
            self.say_published_before();
        }
        rejects::warn_of_the_rest(ctx, rejected);
        ctx.message("");
        Ok(self.output(saved, rejected))
    }

    /// Takes up what an earlier attempt left.
    async fn take_up(
        &self,
        imports: &mut Imports,
        saved: Option<Saved>,
        published: bool,
    ) -> Result<Earlier, TaskError> {
        let Self { ctx, input, upload, .. } = self;
        let rejects = match &saved {
            Some(saved) => Rejects::continue_at(ctx, saved.reached.rejects).await?,
            None => None,
        };
        let begun = saved.is_some();
        let whole = saved.zip(rejects);
        if published && let Some(all) = whole {
            return Ok(Earlier::Published(Box::new(all)));
        }
        let _turn = self.task.turns.lock().await;
        let taken_over = imports.take_over(ctx, whole.as_ref().map(|(saved, _)| saved)).await?;
        let Some((saved, rejects)) = whole.filter(|_| taken_over) else {
            if begun {
                ctx.begin_anew();
            }
            return Ok(Earlier::Nothing);
        };
        self.enter_load(&saved);
        ctx.log(Level::Info, format!("continues after line {}", count(saved.reached.place.line - 1)));
        Ok(Earlier::Unfinished(Box::new(Loader::new(&upload.path, saved, input.on_error, rejects)?)))
    }

    /// Finds out how to load the file, and creates the table in the making.
    async fn begin(
        &self,
        imports: &mut Imports,
        existing: Option<Vec<Column>>,
        inspected: Option<Inspected>,
    ) -> Result<Loader, TaskError> {
        let Self { ctx, input, upload, .. } = self;
        ctx.message(format!("Reading {}", upload.name));
        let rejects = Rejects::begin(ctx).await?;
        let (mut plan, mut rejects) = inspect(ctx, &upload.path, input, rejects, inspected).await?;
        if plan.good == 0 {
            ctx.warn("the file has a header and no rows");
        }
        if let Some(existing) = existing {
            plan.columns = matched(&plan, &existing, &input.table)?;
        }
        self.indexed(&plan.columns)?;
        let saved = Saved::at_start(plan, rejects.mark()?);
        self.enter_load(&saved);
        imports.create_staging(&saved.plan.columns).await?;
        Loader::new(&upload.path, saved, input.on_error, rejects)
    }

    fn enter_load(&self, saved: &Saved) {
        self.ctx.stage(1);
        self.ctx.total(saved.plan.good, "rows");
        self.ctx.continue_at(saved.rows);
    }

    /// An earlier attempt has published all: its last checkpoint, just before that, says what.
    async fn published_before(&self, (saved, rejects): (Saved, Rejects)) -> Result<Output, TaskError> {
        self.say_published_before();
        let rejected = rejects.finish().await?;
        rejects::warn_of_the_rest(self.ctx, rejected);
        Ok(self.output(saved, rejected))
    }

    fn say_published_before(&self) {
        let text = "an earlier attempt published the table just before it was interrupted; left as it is";
        self.ctx.log(Level::Info, text);
    }

    fn output(&self, Saved { plan, rows, .. }: Saved, rejected: u64) -> Output {
        Output {
            table: self.input.table.clone(),
            rows_read: rows + rejected,
            rows_loaded: rows,
            rows_rejected: rejected,
            delimiter: Delimiter::name_of(plan.delimiter),
            header: plan.header,
            columns: plan.columns,
            rejected: rejects::NAME,
        }
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
