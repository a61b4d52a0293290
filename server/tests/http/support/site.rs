//! The site that the program under test embeds: routes and addresses are named after it.

use rust_embed::RustEmbed;
use server::http::{
    assets,
    router::{self, Route},
};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../target/site"]
#[allow_missing = true]
struct Site;

pub(crate) fn route_table() -> Vec<Route> {
    assets::register_site::<Site>();
    router::table()
}

/// The folder of the addresses of script and style.
pub(crate) fn asset_folder() -> String {
    assets::register_site::<Site>();
    assets::folder()
}
