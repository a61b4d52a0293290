//! `links.csv`: one row per line of the list.

use std::{
    io::BufWriter,
    path::Path,
    sync::{Arc, OnceLock},
};

use engine::{TaskError, WriteBudget};

use super::{list::Links, probe::Finding};
use crate::csv_cell::escape_cell;

pub(super) const NAME: &str = "links.csv";

/// Finding of each target; empty if it has not been requested.
pub(super) type Findings = Arc<[OnceLock<Finding>]>;

/// Writes the rows of all requested links.
pub(super) fn write(path: &Path, budget: &WriteBudget, links: &Links, findings: &Findings) -> Result<(), TaskError> {
    let file = budget.create(path).map_err(|error| TaskError::io("writing the report", &error))?;
    let mut out = csv::Writer::from_writer(BufWriter::new(file));
    let mut write = || -> csv::Result<()> {
        out.write_record(["url", "status", "final_url", "redirects", "milliseconds", "error"])?;
        for (link, target) in &links.lines {
            if let Some(finding) = findings[*target].get() {
                out.write_record(row(link, finding).iter().map(|text| escape_cell(text).into_owned()))?;
            }
        }
        out.flush().map_err(csv::Error::from)
    };
    write().map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => TaskError::io("writing the report", &error),
        other => TaskError::retry("io", format!("writing the report: {other:?}")),
    })
}

fn row(link: &str, finding: &Finding) -> [String; 6] {
    let redirects = finding.redirects.iter().map(|(status, url)| format!("{status} {url}"));
    [
        link.to_owned(),
        finding.status.map(|status| status.to_string()).unwrap_or_default(),
        finding.last.as_ref().map(ToString::to_string).unwrap_or_default(),
        redirects.collect::<Vec<_>>().join(" "),
        finding.took.as_millis().to_string(),
        finding.error.as_ref().map(|(_, message)| message.clone()).unwrap_or_default(),
    ]
}
