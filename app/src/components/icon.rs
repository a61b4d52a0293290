use leptos::prelude::*;

/// An icon. Decorative: put a text beside it or into the button's `aria-label`.
///
/// The server inlines the drawing, because a sprite would be one more request before the first paint. The browser uses
/// the sprite `public/icons.svg`, which has only the icons that it swaps in.
#[component]
pub fn Icon(
    /// Name without the prefix `i-`.
    name: &'static str,
) -> impl IntoView {
    view! { <LiveIcon name=super::reactive(move || name.to_owned()) /> }
}

/// An icon that changes.
#[cfg(feature = "ssr")]
#[component]
pub fn LiveIcon(name: super::Reactive<String>) -> impl IntoView {
    let name = name();
    view! {
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" data-icon=name.clone() inner_html=drawing(&name)></svg>
    }
}

/// An icon that changes.
#[cfg(not(feature = "ssr"))]
#[component]
pub fn LiveIcon(name: super::Reactive<String>) -> impl IntoView {
    let show = |icon: leptos::tachys::renderer::types::Element, name: super::Reactive<String>| {
        crate::live::effect(move || crate::browser::set_icon(&icon, &name()));
    };
    view! { <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false" use:show=name></svg> }
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

/// Returns the icon of a task; `worker` if it has none of its own. Of commands only the server knows the icon: a row that
/// the browser adds has `worker` until the page is loaded again, one that the server drew keeps its icon.
pub fn kind_icon(kind: &str) -> &'static str {
    #[cfg(feature = "ssr")]
    if let Some(icon) = declared_icon(kind) {
        return icon;
    }
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

/// Reads the icon that the declaration of a task names.
#[cfg(feature = "ssr")]
type ReadIcon = dyn Fn(&str) -> Option<&'static str> + Send + Sync;

/// The icons of commands, by task. Provided with each page.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct CommandIcons(pub std::sync::Arc<ReadIcon>);

/// The icon that the table of a command names.
#[cfg(feature = "ssr")]
fn declared_icon(kind: &str) -> Option<&'static str> {
    Some(match (use_context::<CommandIcons>()?.0)(kind)? {
        "archive" => "kind-archive",
        "checksum" => "kind-checksum",
        "export" => "kind-export",
        "images" => "kind-images",
        "import" => "kind-import",
        "links" => "kind-links",
        icon => icon,
    })
}
