use leptos::prelude::*;

/// An icon. Decorative: a word must stand beside it or in the button's `aria-label`.
///
/// Its drawing comes with the page: a sprite of its own would be one more document to load and to read before the first
/// paint. Scripts have one (`public/icons.svg`), with those alone that they put in place of others.
#[component]
pub fn Icon(
    /// Name, without its `i-`.
    name: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" data-icon=name inner_html=drawing(name)></svg>
    }
}

/// What stands under a name in the sprite, or beside it.
#[cfg(feature = "ssr")]
fn drawing(name: &str) -> &'static str {
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
    DRAWINGS.get(name).copied().unwrap_or_default()
}

/// The server alone draws.
#[cfg(not(feature = "ssr"))]
fn drawing(_name: &str) -> &'static str {
    ""
}

/// The icon of a kind of task; one without its own has the worker's.
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
