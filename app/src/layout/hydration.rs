use leptos::{nonce::use_nonce, prelude::*};

use crate::{base_path::url, context::app};

/// So long after a page has woken its worker is fetched, milliseconds.
const LATER: u32 = 1_000;

/// Loads the program of the page once the page is on the screen, and wakes its islands. Later, in a secure context, it
/// brings the worker that shows pages while the server is away (`public/away.js`), and tells it that this one is open.
///
/// In place of Leptos' own `HydrationScripts`: that one loads at once, so that the first paint shares the processor
/// with a compiler, and wakes when the browser is idle, without a limit. What it does beside, ours has no need of: the
/// islands here have no properties and no children.
#[component]
pub(crate) fn HydrationScript(options: LeptosOptions) -> impl IntoView {
    let LeptosOptions { site_pkg_dir, output_name, .. } = options;
    let program = url(&format!("/{site_pkg_dir}/{output_name}"));
    let worker = url(&format!("/away.js?{}", app().build));
    // Later than all that the page itself needs.
    let keep = if app().kept_pages {
        format!(
            r#"
  const workers = navigator.serviceWorker;
  if (workers) setTimeout(() => workers.register("{worker}").then(() => workers.ready).then((known) => known.active.postMessage("open")).catch(() => {{}}), {LATER});"#
        )
    } else {
        String::new()
    };
    // A page that nobody sees is never painted, and wakes at once.
    let script = format!(
        r#"const wake = async () => {{
  const wasm = fetch("{program}.wasm");
  const program = await import("{program}.js");
  await program.default({{ module_or_path: wasm }});
  program.hydrate();
  for (const island of document.querySelectorAll("leptos-island")) program[island.dataset.component](island);{keep}
}};
document.hidden ? wake() : new PerformanceObserver((_, paint) => {{ paint.disconnect(); wake(); }}).observe({{ type: "paint", buffered: true }});"#
    );
    view! {
        <script type="module" nonce=use_nonce()>
            {script}
        </script>
    }
}
