//! Our hydration script (`src/layout/hydration.rs`) takes the place of Leptos' own, and must be compared with it when that
//! changes.
#![cfg(feature = "ssr")]

use app as _;
use leptos::{config::LeptosOptions, hydration::HydrationScripts, prelude::*};

#[test]
fn leptos_hydration_script_is_the_one_that_ours_was_written_after() {
    let options = LeptosOptions::builder().output_name("milepost").build();
    let script = Owner::new().with(|| view! { <HydrationScripts options islands=true /> }.to_html());
    let known = include_str!("leptos_hydration.html");
    assert!(
        script.trim() == known.trim(),
        "Leptos hydrates islands in another way. Compare this with tests/leptos_hydration.html, change \
         src/layout/hydration.rs to match, then replace the file:\n{script}"
    );
}
