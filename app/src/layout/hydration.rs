use leptos::{nonce::use_nonce, prelude::*};

use crate::{base_path::url, context::app};

/// The delay before the service worker is registered, milliseconds.
const LATER: u32 = 1_000;

/// Hydration: loads the wasm after the first paint and runs the islands, and those of a refreshed fragment at its event
/// `drawn`. Later, in a secure context, registers the service worker (`public/service-worker.js`) and reports this page
/// to it.
///
/// Replaces Leptos' `HydrationScripts`, which loads at once, so that compilation delays the first paint, and hydrates
/// when the browser is idle, one island after the other. These islands have no children and contain no islands, so the
/// rest of it is not needed.
#[component]
pub(crate) fn HydrationScript(options: LeptosOptions) -> impl IntoView {
    let LeptosOptions { site_pkg_dir, output_name, .. } = options;
    let program = url(&format!("/{site_pkg_dir}/{output_name}"));
    // Imported by the program, and with it at once.
    let parts = url(&format!("/{site_pkg_dir}/__wasm_split.______________________.js"));
    let worker = url(&format!("/service-worker.js?{}", app().build));
    // After everything that the page itself needs.
    let keep = if app().kept_pages {
        format!(
            r#"
  const workers = navigator.serviceWorker;
  if (workers) setTimeout(() => workers.register("{worker}").then(() => workers.ready).then((known) => known.active.postMessage("open")).catch(() => {{}}), {LATER});"#
        )
    } else {
        String::new()
    };
    // A hidden page is never painted, and hydrates at once.
    let script = format!(
        r#"const wake = async () => {{
  const wasm = fetch("{program}.wasm");
  const [program] = await Promise.all([import("{program}.js"), import("{parts}")]);
  await program.default({{ module_or_path: wasm }});
  program.hydrate();
  const hydrate = (island) => program[island.dataset.component](island);
  document.querySelectorAll("leptos-island").forEach(hydrate);
  document.addEventListener("drawn", ({{ target }}) => [target, ...(target.querySelectorAll?.("*") ?? [])].filter((part) => part.localName === "leptos-island").forEach(hydrate), true);{keep}
}};
document.hidden ? wake() : new PerformanceObserver((_, paint) => {{ paint.disconnect(); wake(); }}).observe({{ type: "paint", buffered: true }});"#
    );
    view! {
        <script type="module" nonce=use_nonce()>
            {script}
        </script>
    }
}
