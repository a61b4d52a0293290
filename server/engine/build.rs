//! Lists the migrations for `store::sqlite::migrations`, by name and in order, as pairs of file name and content.

use std::{env, error::Error, fs, path::Path};

/// The migrations, relative to this package.
const MIGRATIONS: &str = "../../migrations/sqlite";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={MIGRATIONS}");
    let mut names = fs::read_dir(MIGRATIONS)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    names.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "sql"));
    names.sort();
    // The folder of the package is that of the build which includes the list: two checkouts may share a target directory.
    let pairs = names.iter().map(|name| {
        format!("({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/{MIGRATIONS}/{name}\"))),")
    });
    let list = Path::new(&env::var("OUT_DIR")?).join("migrations.rs");
    fs::write(list, format!("&[{}]", pairs.collect::<String>()))?;
    Ok(())
}
