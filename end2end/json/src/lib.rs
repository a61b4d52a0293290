//! Reads JSON as the browser does, and on other machines with `serde_json`, so that a test can compare the two.

use std::fmt::Debug;

use serde::{Deserialize, de::DeserializeOwned};

/// As on the server.
#[cfg(not(target_family = "wasm"))]
pub mod json {
    pub use ::serde_json::from_str;

    /// JSON that is kept as text.
    #[derive(Debug, Default, serde::Deserialize)]
    pub struct RawJson(pub String);
}
#[cfg(target_family = "wasm")]
#[path = "../../../app/leptos/src/serde_json.rs"]
pub mod json;

/// Every shape that a type of a stream or of an island may have.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
struct Shapes {
    flag: bool,
    small: u32,
    large: u64,
    signed: i64,
    real: f64,
    text: String,
    word: model::JobState,
    maybe: Option<u32>,
    maybe_nested: Option<model::Failure>,
    #[serde(default)]
    defaulted: bool,
    list: Vec<Option<String>>,
}

/// JSON within JSON, as in the answer to a poll.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
struct Frame {
    id: Option<String>,
    #[serde(default)]
    data: json::RawJson,
}

/// Shapes that the browser refuses.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
enum Data {
    Number(u32),
    Named { text: String },
}

macro_rules! types {
    ($($name:literal: $type:ty),* $(,)?) => {
        /// Reads `text` as the type `name`, and returns how it prints; `None` if it is refused.
        ///
        /// # Panics
        /// There is no such type.
        #[cfg_attr(target_family = "wasm", wasm_bindgen::prelude::wasm_bindgen)]
        pub fn read(name: &str, text: &str) -> Option<String> {
            match name {
                $($name => print::<$type>(text),)*
                _ => panic!("there is no type {name}"),
            }
        }
    };
}

types! {
    "hello": model::Hello,
    "snapshot": model::Snapshot,
    "progress": model::ProgressEvent,
    "state": model::StateEvent,
    "log": model::LogEvent,
    "gate": model::QueueControl,
    "schedule": model::ScheduleEvent,
    "message": model::MessageEvent,
    "heartbeat": model::Heartbeat,
    "job": model::JobView,
    "counts": model::Counts,
    "folders": model::FolderListing,
    "errors": Vec<model::FieldError>,
    "shapes": Shapes,
    "frame": Frame,
    "bool": bool,
    "u32": u32,
    "u64": u64,
    "i64": i64,
    "f64": f64,
    "text": String,
    "option": Option<u32>,
    "map": std::collections::BTreeMap<String, u32>,
    "tuple": (u32, u32),
    "unit": (),
    "u8": u8,
    "data": Data,
}

fn print<T: DeserializeOwned + Debug>(text: &str) -> Option<String> {
    json::from_str::<T>(text).ok().map(|value| format!("{value:?}"))
}
