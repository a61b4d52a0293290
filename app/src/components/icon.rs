use leptos::prelude::*;

/// An icon. Decorative: put a text beside it or into the button's `aria-label`.
///
/// Inlined, because a sprite would be one more request before the first paint. Scripts use the sprite
/// `public/icons.svg`, which has only the icons that they swap in.
#[component]
pub fn Icon(
    /// Name without the prefix `i-`.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" data-icon=name inner_html=drawing(name)></svg>
    }
}

/// An icon that changes.
#[component]
pub fn LiveIcon(name: super::Reactive<String>) -> impl IntoView {
    let drawing = super::reactive(move || drawing(&name()));
    view! { <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" inner_html=drawing></svg> }
}

/// Returns the drawing of an icon, from the sprite or from `icons.svg` beside this file.
#[cfg(feature = "ssr")]
fn drawing(name: &str) -> String {
    use std::{collections::HashMap, sync::LazyLock};

    static DRAWINGS: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
        let files = [include_str!("../../../public/icons.svg"), include_str!("icons.svg")];
        let symbols = files.into_iter().flat_map(|file| file.split("<symbol id=\"i-").skip(1));
        let read = |symbol: &'static str| {
            let (name, rest) = symbol.split_once('"')?;
            let (drawing, _) = rest.split_once('>')?.1.split_once("</symbol>")?;
            Some((name, drawing))
        };
        symbols.filter_map(read).collect()
    });
    debug_assert!(DRAWINGS.contains_key(name), "there is no icon {name}");
    DRAWINGS.get(name).copied().unwrap_or_default().to_owned()
}

/// Refers to the drawing in the sprite.
#[cfg(not(feature = "ssr"))]
fn drawing(name: &str) -> String {
    format!("<use href='{}#i-{name}'/>", crate::base_path::url("/icons.svg"))
}

/// Returns the icon of a task; `worker` if it has none of its own.
pub fn kind_icon(kind: &str) -> &'static str {
    match kind {
        "checksum" => "kind-checksum",
        "import-csv" => "kind-import",
        "check-links" => "kind-links",
        "archive" | "unpack" => "kind-archive",
        "sql-export" => "kind-export",
        "resize-images" => "kind-images",
        "backup" => "copy",
        "prune" => "trash",
        _ => "worker",
    }
}
