//! wasm-bindgen as the build of the site needs it: writes the JavaScript that loads a wasm file.
//!
//! The tool `wasm-bindgen` does the same, and takes minutes to build: it contains a web server and an HTTP client for
//! its test runner.

use std::env;

use anyhow::{Context as _, Result};
use wasm_bindgen_cli_support::Bindgen;

/// Arguments: the compiled wasm, the folder to write to, the name of the files without extension.
fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().context("usage: bindgen INPUT FOLDER NAME");
    let (input, folder, name) = (next()?, next()?, next()?);
    Bindgen::new().web(true)?.typescript(false).input_path(&input).out_name(&name).generate(folder)
}
