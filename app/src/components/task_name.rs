use leptos::prelude::*;

use super::{Icon, kind_icon};
use crate::base_path::url;

/// A task in a row of a table: icon, name and a second line.
#[component]
pub fn TaskName(
    /// The kind, as in addresses.
    kind: String,
    name: String,
    /// The second line.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="job">
            <span class="kind">
                <Icon name=kind_icon(&kind) />
            </span>
            <a href=url(&format!("/jobs?kind={kind}"))>{name}</a>
            <small>{children()}</small>
        </div>
    }
}
