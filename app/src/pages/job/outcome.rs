//! Outcome of a job: files and result.

use engine::store::Artifact;
use leptos::prelude::*;
use model::{bytes, count};
use serde_json::Value;

use super::{data::Data, percent_encoding::percent_encode, preview, text};
use crate::{
    base_path::url,
    components::{Icon, Timestamp},
    pages::shared::{Json, JsonText},
};

/// Longest text in the list of the result, bytes.
const MAX_TEXT: usize = 400;
/// Longest list of the result.
const MAX_DETAILS: usize = 50;

#[component]
pub(super) fn Files(data: Data) -> impl IntoView {
    let job = data.detail.view.job;
    (!data.artifacts.is_empty()).then(|| {
        let sum = bytes(data.artifacts.iter().map(|artifact| artifact.size).sum());
        let count = data.artifacts.len();
        let rows: Vec<_> = data.artifacts.iter().map(|artifact| file(job, artifact)).collect();
        view! {
            <section class="card" aria-labelledby="files">
                <header>
                    <h2 id="files">{text::FILES}</h2>
                    <span class="count-badge">{count}</span>
                    <span class="hint">{sum}</span>
                    {(count > 1).then(|| view! {
                        <div class="actions">
                            <a class="button small" href=url(&format!("/jobs/{job}/artifacts")) download="">
                                <Icon name="download" />
                                {text::DOWNLOAD_ALL}
                            </a>
                        </div>
                    })}
                </header>
                <ul class="files">{rows}</ul>
                {data.preview.map(|preview| preview::draw(job, preview, url(&format!("/jobs/{job}#files"))))}
            </section>
        }
    })
}

/// The address of an artifact.
pub(super) fn file_href(job: model::JobId, name: &str) -> String {
    url(&format!("/jobs/{job}/artifacts/{}", percent_encode(name)))
}

fn file(job: model::JobId, artifact: &Artifact) -> impl IntoView + use<> {
    let name = artifact.name.clone();
    let href = file_href(job, &name);
    let preview = preview::is_offered(artifact).then(|| {
        let href = url(&format!("/jobs/{job}?preview={}#preview", percent_encode(&name)));
        view! {
            <a class="button small quiet" href=href aria-label=text::preview_of(&name)>
                {text::PREVIEW}
            </a>
        }
    });
    let label = text::download(&name);
    view! {
        <li>
            <Icon name="jobs" />
            <span class="what">
                <a href=href.clone() download="">
                    {name}
                </a>
                <small>
                    <Timestamp at=artifact.at />
                </small>
            </span>
            <span class="size">{bytes(artifact.size)}</span>
            <span class="look">{preview}</span>
            <a class="button small square quiet" href=href download="" aria-label=label.clone() title=label>
                <Icon name="download" />
            </a>
        </li>
    }
}

/// The result of the task: plain members as a list, all of it as JSON.
#[component]
pub(super) fn Output(data: Data) -> impl IntoView {
    data.detail.output.filter(|output| !output.is_null()).map(|output| {
        let members = output.as_object().into_iter().flatten();
        let facts: Vec<_> = members
            .filter_map(|(key, value)| Some((label_of(key), format_value(key, value)?)))
            .take(MAX_DETAILS)
            .map(|(term, value)| {
                view! {
                    <div>
                        <dt>{term}</dt>
                        <dd>{value}</dd>
                    </div>
                }
            })
            .collect();
        let open = facts.is_empty();
        let whole = url(&format!("/jobs/{}/result", data.detail.view.job));
        view! {
            <section class="card" aria-labelledby="result">
                <header>
                    <h2 id="result">{text::RESULT}</h2>
                </header>
                <div class="body stack-tight">
                    {(!open).then(|| view! { <dl class="details">{facts}</dl> })}
                    <details class="disclosure" open=open>
                        <summary>
                            <Icon name="right" />
                            {text::AS_JSON}
                        </summary>
                        <Json text=JsonText::of(&output) label=text::RESULT_AS_JSON id="result-json" whole=Some(whole) />
                    </details>
                </div>
            </section>
        }
    })
}

/// `rows_read` as `Rows read`.
fn label_of(key: &str) -> String {
    let mut letters = key.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Cuts a long text.
pub(super) fn shorten(text: &str) -> String {
    let cut = text.floor_char_boundary(MAX_TEXT);
    if cut < text.len() { format!("{}…", &text[..cut]) } else { text.to_owned() }
}

/// Formats a number, boolean or text; `None` for other values.
fn format_value(key: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(shorten(text)),
        Value::Bool(yes) => Some(if *yes { "yes" } else { "no" }.to_owned()),
        Value::Number(number) => Some(match number.as_u64() {
            Some(n) if key.contains("bytes") => bytes(n),
            Some(n) => count(n),
            None => number.to_string(),
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
