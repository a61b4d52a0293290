//! Storage: the space that Milepost uses.

use super::text;
use engine::store::Usage;
use leptos::prelude::*;
use model::bytes;

#[component]
pub(super) fn Storage(usage: Usage) -> impl IntoView {
    let parts = [
        (text::DATABASE, usage.database),
        (text::JOB_FILES, usage.artifacts),
        (text::UPLOADED_FILES, usage.uploads),
        (text::IMPORTED_TABLES, usage.imports),
    ];
    let total: u64 = parts.iter().map(|(_, size)| size).sum();
    let part = |(name, size): (&'static str, u64)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{bytes(size)}</dd>
                <dd class="share">
                    <progress class="usage" max=total.max(1) value=size aria-label=name></progress>
                </dd>
            </div>
        }
    };
    view! {
        <section class="card" aria-labelledby="space">
            <header>
                <h2 id="space">{text::STORAGE}</h2>
                <span class="hint">{bytes(total)}</span>
            </header>
            <dl class="body details space">{parts.map(part)}</dl>
        </section>
    }
}
