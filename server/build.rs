//! Rebuilds the server when the site that it embeds has changed, and refuses a release build without a site.

use std::{env, path::Path};

/// The site, relative to this package.
const SITE: &str = "../target/site";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MILEPOST_WITHOUT_SITE");
    let is_release = env::var("PROFILE").as_deref() == Ok("release");
    if is_release || env::var_os("CARGO_FEATURE_EMBED").is_some() {
        println!("cargo::rerun-if-changed={SITE}");
    }
    // Lints and unit tests of the feature `embed` do without: a debug build never is the program that people run.
    let is_site_optional = !is_release || env::var_os("MILEPOST_WITHOUT_SITE").is_some();
    if !is_site_optional && !Path::new(SITE).join("pkg/milepost.wasm").exists() {
        println!(
            "cargo::error=the browser's files are missing in target/site: run `make site` first \
             (MILEPOST_WITHOUT_SITE=1 builds a program whose pages have no style and no script)"
        );
    }
}
