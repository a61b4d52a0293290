use leptos::prelude::*;

use super::{Icon, kind_icon};
use crate::base_path::url;

/// A kind of task in a row of a table: its icon, its name, and a second line.
#[component]
pub fn TaskName(
    /// Its name in addresses.
    kind: String,
    /// What people call it.
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
