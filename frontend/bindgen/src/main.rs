//! wasm-bindgen as the build of the site needs it: splits what is loaded later off a wasm file, and writes the
//! JavaScript that loads it.
//!
//! The tool `wasm-bindgen` does the same, and takes minutes to build: it contains a web server and an HTTP client for
//! its test runner.

use std::{env, fs, path::Path};

use anyhow::{Context as _, Result, anyhow};
use wasm_bindgen_cli_support::Bindgen;
use wasm_split_cli_support::{Options, transform};

/// The script that loads the split files; named as cargo-leptos names it.
const LOADER: &str = "./__wasm_split.______________________.js";

/// Arguments: the compiled wasm, the folder to write to, the name of the files without extension.
fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let mut next = || arguments.next().context("usage: bindgen INPUT FOLDER NAME");
    let (input, folder, name) = (next()?, next()?, next()?);
    fs::create_dir_all(&folder)?;
    let whole = fs::read(&input)?;
    let rest = Path::new(&folder).join(format!("{name}.rest.wasm"));
    let program = format!("./{name}.js");
    let mut options = Options::new(&whole);
    options.output_dir = Path::new(&folder);
    options.main_out_path = &rest;
    options.main_module = &program;
    options.link_name = LOADER;
    transform(options).map_err(|error| anyhow!("{error:?}"))?;
    // The split files call what the rest exports, by its name in the linker.
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.typescript(false).keep_lld_exports(true).demangle(false);
    bindgen.input_path(&rest).out_name(&name).generate(&folder)?;
    Ok(fs::remove_file(rest)?)
}
