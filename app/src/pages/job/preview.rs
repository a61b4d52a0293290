//! Preview of an artifact, at the choice of the user: the beginning of a CSV or text file, or a raster image.

use std::path::Path;

use csv::{ReaderBuilder, StringRecord};
use engine::{AuthorizedJob, Error, Result, store::Artifact};
use leptos::prelude::*;
use model::JobId;
use tokio::{fs::File, io::AsyncReadExt};

use super::{outcome::file_href, text};
/// Largest image that is shown, bytes.
pub const MAX_IMAGE: u64 = 16 << 20;
/// Bytes that are read of a text.
const MAX_TEXT: u64 = 64 << 10;
/// Most lines of a text, and most rows of a table with its head.
const MAX_LINES: usize = 100;
const MAX_ROWS: usize = 21;
const MAX_COLUMNS: usize = 20;
/// Longest cell, bytes.
const MAX_CELL: usize = 200;

/// What can be shown of a file, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table(Option<u8>),
    Text,
    Image,
}

impl Kind {
    fn of(artifact: &Artifact) -> Option<Self> {
        let extension = Path::new(&artifact.name).extension().and_then(|it| it.to_str()).map(str::to_ascii_lowercase);
        match extension.as_deref() {
            Some("csv") => Some(Self::Table(None)),
            Some("tsv") => Some(Self::Table(Some(b'\t'))),
            Some("png" | "jpg" | "jpeg" | "gif" | "webp") => (artifact.size <= MAX_IMAGE).then_some(Self::Image),
            // Shown as plain text if it is one: manifests have no extension.
            None
            | Some(
                "txt" | "log" | "md" | "json" | "jsonl" | "xml" | "html" | "yaml" | "yml" | "toml" | "sql" | "svg",
            ) => Some(Self::Text),
            Some(_) => None,
        }
    }
}

/// Whether the file list offers a preview.
pub(super) fn is_offered(artifact: &Artifact) -> bool {
    artifact.size > 0 && Kind::of(artifact).is_some()
}

/// A preview that was read.
#[derive(Clone)]
pub(super) struct Preview {
    pub(super) name: String,
    content: Content,
    /// Only the beginning is shown.
    is_cut: bool,
}

#[derive(Clone)]
enum Content {
    /// The head first.
    Table(Vec<Vec<String>>),
    Text(String),
    Image,
    /// Neither text nor an image, whatever its name says; or its file is damaged.
    None,
}

impl Preview {
    /// Reads the beginning of the artifact; `None` if there is no such artifact.
    pub(super) async fn read(open: &AuthorizedJob, name: &str) -> Result<Option<Self>> {
        let preview = |content, is_cut| Some(Self { name: name.to_owned(), content, is_cut });
        let (artifact, path) = match open.artifact(name).await {
            Ok(found) => found,
            Err(Error::NoSuchArtifact(..)) => return Ok(None),
            Err(Error::DamagedArtifact { .. }) => return Ok(preview(Content::None, false)),
            Err(error) => return Err(error),
        };
        let kind = Kind::of(&artifact);
        if kind == Some(Kind::Image) {
            return Ok(preview(Content::Image, false));
        }
        let text = if kind.is_some() { beginning(&path).await } else { None };
        let Some(text) = text else { return Ok(preview(Content::None, false)) };
        let is_cut = artifact.size > MAX_TEXT;
        if let Some(Kind::Table(delimiter)) = kind {
            let (rows, more) = table(&text, delimiter, is_cut);
            return Ok(preview(Content::Table(rows), is_cut || more));
        }
        let shown: Vec<&str> = text.lines().take(MAX_LINES).collect();
        let more = text.lines().nth(MAX_LINES).is_some();
        Ok(preview(Content::Text(shown.join("\n")), is_cut || more))
    }
}

/// The first bytes of a file as text; `None` if they are none.
async fn beginning(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).await.ok()?.take(MAX_TEXT).read_to_end(&mut bytes).await.ok()?;
    let valid = match std::str::from_utf8(&bytes) {
        Ok(text) => text.len(),
        // The limit may have cut a character.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    bytes.truncate(valid);
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// The first rows, and whether there are more rows or columns.
fn table(text: &str, delimiter: Option<u8>, is_cut: bool) -> (Vec<Vec<String>>, bool) {
    let text = text.trim_start_matches('\u{feff}');
    let head = text.lines().next().unwrap_or_default();
    let often = |delimiter: &u8| head.bytes().filter(|byte| byte == delimiter).count();
    let delimiter =
        delimiter.unwrap_or_else(|| [b'|', b'\t', b';', b','].into_iter().max_by_key(often).unwrap_or(b','));
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
    let mut records: Vec<StringRecord> =
        reader.records().take(MAX_ROWS + 1).filter_map(std::result::Result::ok).collect();
    let more = records.len() > MAX_ROWS;
    // The last record of a text that was cut may be a part of one.
    if is_cut && !more {
        records.pop();
    }
    let wide = records.iter().any(|record| record.len() > MAX_COLUMNS);
    let cell = |cell: &str| {
        let end = cell.floor_char_boundary(MAX_CELL);
        if end < cell.len() { format!("{}…", &cell[..end]) } else { cell.to_owned() }
    };
    let rows = records.iter().take(MAX_ROWS).map(|record| record.iter().take(MAX_COLUMNS).map(cell).collect());
    (rows.collect(), more || wide)
}

/// The preview, below the list of files.
pub(super) fn draw(job: JobId, preview: Preview, close: String) -> impl IntoView {
    let Preview { name, content, is_cut } = preview;
    let label = text::preview_of(&name);
    let content = match content {
        Content::Table(rows) => draw_table(rows, label.clone()).into_any(),
        Content::Text(words) => {
            view! { <pre class="code" tabindex="0" role="region" aria-label=label.clone()>{words}</pre> }.into_any()
        }
        Content::Image => {
            let src = format!("{}?as=image", file_href(job, &name));
            view! { <img src=src alt=name.clone() loading="lazy" /> }.into_any()
        }
        Content::None => view! { <p class="hint">{text::NO_PREVIEW}</p> }.into_any(),
    };
    view! {
        <div class="body preview" id="preview">
            <p class="actions">
                <b>{label}</b>
                {is_cut.then(|| view! { <small class="hint">{text::ONLY_THE_BEGINNING}</small> })}
                <a class="button small quiet" href=close>{text::CLOSE_PREVIEW}</a>
            </p>
            {content}
        </div>
    }
}

fn draw_table(rows: Vec<Vec<String>>, label: String) -> impl IntoView {
    let mut rows = rows.into_iter();
    let head = rows.next().unwrap_or_default();
    let head: Vec<_> = head.into_iter().map(|cell| view! { <th scope="col">{cell}</th> }).collect();
    let row = |row: Vec<String>| {
        let cells: Vec<_> = row.into_iter().map(|cell| view! { <td>{cell}</td> }).collect();
        view! { <tr>{cells}</tr> }
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=label>
            <table class="table">
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{rows.map(row).collect::<Vec<_>>()}</tbody>
            </table>
        </div>
    }
}
