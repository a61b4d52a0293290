//! Rebuilds debug builds that embed the site when it has changed. The program of a release build sees to that itself
//! (`main.rs`), so that its library compiles while the site is still being made.
//!
//! `.ci/dist` names the licences of the dependencies in `MILEPOST_THIRD_PARTY`; other builds do without.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MILEPOST_WITHOUT_SITE");
    println!("cargo::rustc-check-cfg=cfg(without_site)");
    println!("cargo::rerun-if-env-changed=MILEPOST_THIRD_PARTY");
    println!("cargo::rustc-check-cfg=cfg(has_licences)");
    if env::var_os("MILEPOST_THIRD_PARTY").is_some() {
        println!("cargo::rustc-cfg=has_licences");
    }
    let is_release = env::var("PROFILE").as_deref() == Ok("release");
    if !is_release && env::var_os("CARGO_FEATURE_EMBED").is_some() {
        println!("cargo::rerun-if-changed=../target/site");
    }
    // Lints and unit tests do without: a debug build never is the program that people run.
    if !is_release || env::var_os("MILEPOST_WITHOUT_SITE").is_some() {
        println!("cargo::rustc-cfg=without_site");
    }
}
