//! Recorded runs: `traces/KIND-NUMBER.csv`, numbered in their order.

use std::{collections::BTreeMap, fs, path::Path};

use super::trace::Trace;

/// Number of runs of each kind that are only history.
pub(crate) const FIRST_SCORED: usize = 2;

/// Reads all traces, grouped by kind.
pub(crate) fn all() -> Vec<(String, Vec<Trace>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut kinds: BTreeMap<String, Vec<(u32, Trace)>> = BTreeMap::new();
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = name.rsplit_once('-').and_then(|(kind, number)| Some((kind, number.parse().ok()?)));
        let (Some((kind, number)), Some("csv")) = (numbered, path.extension().and_then(|end| end.to_str())) else {
            continue;
        };
        let text = fs::read_to_string(&path).expect("a trace can be read");
        let trace = Trace::parse(&text).unwrap_or_else(|| panic!("{} is not a trace", path.display()));
        kinds.entry(kind.to_owned()).or_default().push((number, trace));
    }
    kinds
        .into_iter()
        .map(|(kind, mut runs)| {
            runs.sort_by_key(|(number, _)| *number);
            (kind, runs.into_iter().map(|(_, run)| run).collect())
        })
        .collect()
}
