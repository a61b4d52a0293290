//! `import-csv`: loads an uploaded CSV file into a table of `imports.db`.
//!
//! The file is read twice, in chunks: Inspect reads all of it to determine the types; Load fills a staging table; Index
//! builds the indexes and renames the table as the last step. Until then nothing is visible. A later attempt continues
//! Inspect or Load; in Load it takes over the staging table.

mod database;
mod inspect;
mod load;
mod records;
mod rejects;
pub(crate) mod sniff;
pub(crate) mod types;

use engine::{Ctx, Kind, Queue, Task, TaskError, Upload, UploadNames, UploadRef};
use model::{FieldError, Level, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use database::{Imports, Published, table_exists};
use inspect::{InspectCheckpoint, Plan, inspect};
use load::{LoadCheckpoint, Loaded, Loader, load};
use rejects::Rejects;
use types::ColumnType;

#[derive(Default)]
pub(crate) struct ImportCsv {
    /// Serializes writers: SQLite has one writer at a time and no fair queue.
    write_lock: tokio::sync::Mutex<()>,
}

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

#[derive(Serialize)]
pub(crate) struct Output {
    /// The name of the uploaded file.
    file: String,
    /// The imported table.
    table: String,
    /// Records in the file, without the header.
    rows_read: u64,
    /// Records in the table.
    rows_loaded: u64,
    /// Records left out.
    rows_rejected: u64,
    /// Separator of the fields.
    delimiter: &'static str,
    /// Whether the first line named the columns.
    header: bool,
    /// Names and types of the columns.
    columns: Vec<Column>,
    /// The artifact with the rejected records.
    rejected: &'static str,
}

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
    const LOG_STEPS: bool = true;
    const CHECKPOINTS: bool = true;

    type Input = Input;
    type Output = Output;

    fn title(input: &Input) -> String {
        format!("Import into {}", input.table)
    }

    fn title_with_uploads(input: &Input, uploads: &UploadNames) -> String {
        format!("Import {} into {}", uploads.of(&input.file), input.table)
    }

    fn check(input: &Input) -> Result<(), Vec<FieldError>> {
        let mut characters = input.table.chars();
        let starts_well = characters.next().is_some_and(|first| first.is_ascii_alphabetic());
        let continues_well = characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
        let message = if !starts_well || !continues_well {
            "a table name must start with a letter (a-z) and contain only letters, digits and underscores"
        } else if input.table.to_ascii_lowercase().starts_with("sqlite_") {
            "names that begin with sqlite_ are reserved; choose another one"
        } else {
            return Ok(());
        };
        Err(vec![FieldError { field: "table".to_owned(), message: message.to_owned() }])
    }

    async fn run(&self, input: Input, ctx: &Ctx) -> Result<Output, TaskError> {
        let upload = ctx.upload(&input.file).await?;
        let checkpoint: Option<Checkpoint> = ctx.restore().await?;
        // Without a work folder the staging table would be taken for a leftover.
        ctx.work_folder().await?;
        let mut imports = {
            let _turn = self.write_lock.lock().await;
            let mut imports = Imports::open(&ctx.imports(), ctx).await?;
            imports.sweep(ctx).await?;
            imports
        };
        let result = Import { task: self, ctx, input: &input, upload: &upload }.run(&mut imports, checkpoint).await;
        let _turn = self.write_lock.lock().await;
        if let Err(error) = imports.clean_up(result.is_ok() || is_disk_full(&result)).await {
            ctx.log(Level::Error, format!("cannot remove the unfinished table: {error}"));
        }
        result
    }
}

/// Whether the disk is full. The work folder is then deleted, and no attempt can continue.
fn is_disk_full<T>(result: &Result<T, TaskError>) -> bool {
    matches!(result, Err(TaskError::Retry(fault)) if fault.code.as_str() == "disk_full")
}

/// The checkpoint of Inspect or Load.
#[derive(Deserialize)]
#[serde(untagged)]
enum Checkpoint {
    Load(LoadCheckpoint),
    Inspect(InspectCheckpoint),
}

/// State of an earlier attempt.
enum Earlier {
    /// No state to continue from.
    Nothing,
    /// A staging table.
    Unfinished(Box<Loader>),
    /// The published table.
    Published(Box<(LoadCheckpoint, Rejects)>),
}

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
        let loader = match self.resume(imports, saved, published).await? {
            Earlier::Published(all) => return self.published_output(*all).await,
            Earlier::Unfinished(loader) => *loader,
            Earlier::Nothing => self.begin(imports, existing, inspected).await?,
        };

        ctx.message("");
        let Loaded { saved, rejected } = load(ctx, imports, &self.task.write_lock, loader).await?;
        let columns = &saved.plan.columns;
        let indexed = self.index_columns(columns)?;

        ctx.stage(2);
        {
            let _turn = self.task.write_lock.lock().await;
            if appends && !indexed.is_empty() {
                ctx.log(Level::Info, "the table exists; its indexes are not changed");
            } else {
                ctx.message("Building indexes");
                imports.index(&indexed).await?;
            }
        }
        ctx.message(format!("Publishing {}", input.table));
        let _turn = self.task.write_lock.lock().await;
        // Runs right before the commit and fails if another worker has the job: a published table is visible at once.
        imports.keep_staging();
        let last = ctx.checkpoint(&saved);
        let job = (ctx.job().0, upload.id.as_str());
        if imports.publish(job, &input.table, input.if_exists, columns, last).await? == Published::Before {
            self.log_published_before();
        }
        rejects::warn_about_rest(ctx, rejected);
        ctx.message("");
        Ok(self.output(saved, rejected))
    }

    /// Resumes from the state of an earlier attempt.
    async fn resume(
        &self,
        imports: &mut Imports,
        saved: Option<LoadCheckpoint>,
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
        let _turn = self.task.write_lock.lock().await;
        let taken_over = imports.take_over(ctx, whole.as_ref().map(|(saved, _)| saved)).await?;
        let Some((saved, rejects)) = whole.filter(|_| taken_over) else {
            if begun {
                ctx.start_over();
            }
            return Ok(Earlier::Nothing);
        };
        self.enter_load(&saved);
        ctx.log(Level::Info, format!("continues after line {}", count(saved.reached.place.line - 1)));
        Ok(Earlier::Unfinished(Box::new(Loader::new(&upload.path, saved, input.on_error, rejects)?)))
    }

    /// Inspects the file and creates the staging table.
    async fn begin(
        &self,
        imports: &mut Imports,
        existing: Option<Vec<Column>>,
        inspected: Option<InspectCheckpoint>,
    ) -> Result<Loader, TaskError> {
        let Self { ctx, input, upload, .. } = self;
        ctx.message(format!("Reading {}", upload.name));
        let rejects = Rejects::begin(ctx).await?;
        let (mut plan, mut rejects) = inspect(ctx, &upload.path, input, rejects, inspected).await?;
        if plan.good == 0 {
            ctx.warn("the file has a header and no rows");
        }
        if let Some(existing) = existing {
            plan.columns = match_columns(&plan, &existing, &input.table)?;
        }
        self.index_columns(&plan.columns)?;
        let saved = LoadCheckpoint::at_start(plan, rejects.mark()?);
        self.enter_load(&saved);
        imports.create_staging(&saved.plan.columns).await?;
        Loader::new(&upload.path, saved, input.on_error, rejects)
    }

    fn enter_load(&self, saved: &LoadCheckpoint) {
        self.ctx.stage(1);
        self.ctx.total(saved.plan.good, "rows");
        self.ctx.continue_at(saved.rows);
    }

    /// Returns the output of an earlier attempt that published the table: its last checkpoint is from just before that.
    async fn published_output(&self, (saved, rejects): (LoadCheckpoint, Rejects)) -> Result<Output, TaskError> {
        self.log_published_before();
        let rejected = rejects.finish().await?;
        rejects::warn_about_rest(self.ctx, rejected);
        Ok(self.output(saved, rejected))
    }

    fn log_published_before(&self) {
        let text = "an earlier attempt published the table just before it was interrupted; nothing to do";
        self.ctx.log(Level::Info, text);
    }

    fn output(&self, LoadCheckpoint { plan, rows, .. }: LoadCheckpoint, rejected: u64) -> Output {
        Output {
            file: self.upload.name.clone(),
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

    /// The columns to index, in the spelling of the table.
    fn index_columns(&self, columns: &[Column]) -> Result<Vec<String>, TaskError> {
        let names = self.input.index.split(',').map(str::trim).filter(|name| !name.is_empty());
        let found = names.map(|name| {
            let column = find_column(columns, name).ok_or_else(|| {
                let message = format!("there is no column {name} to index; the columns are {}", column_list(columns));
                TaskError::fatal("no_such_column", message)
            });
            column.map(|column| column.name.clone())
        });
        found.collect()
    }
}

/// Matches the columns of the file to those of the existing table: its spelling, its types.
fn match_columns(plan: &Plan, existing: &[Column], table: &str) -> Result<Vec<Column>, TaskError> {
    let matches = plan.columns.iter().map(|column| find_column(existing, &column.name).cloned().ok_or(&column.name));
    matches.collect::<Result<_, _>>().map_err(|missing| {
        let message = format!(
            "the file has a column {missing} that the table {table} has not; its columns are {}. Rename the column in \
             the file, or import into a new table",
            column_list(existing)
        );
        TaskError::fatal("columns_differ", message)
    })
}

/// Finds a column by name, ignoring letter case as SQLite does.
fn find_column<'a>(columns: &'a [Column], name: &str) -> Option<&'a Column> {
    columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// The first column names, for an error message.
fn column_list(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().take(20).map(|column| column.name.as_str()).collect();
    let more = if columns.len() > names.len() { " …" } else { "" };
    format!("{}{more}", names.join(", "))
}
