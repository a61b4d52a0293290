//! What the page shows, as the topics of its stream.

use std::collections::{BTreeMap, BTreeSet};

use model::{Cursor, JobId};

/// One reason for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Something follows all jobs.
    Jobs,
    /// Something shows a job.
    Row(JobId),
    /// Something shows a job's log.
    Log(JobId),
}

/// Everything the page shows, each with how often.
#[derive(Clone, Debug, Default)]
pub struct Uses(BTreeMap<Use, u32>);

impl Uses {
    /// One more.
    pub fn add(&mut self, one: Use) {
        *self.0.entry(one).or_default() += 1;
    }

    /// One less.
    pub fn remove(&mut self, one: Use) {
        if let Some(times) = self.0.get_mut(&one) {
            *times -= 1;
            if *times == 0 {
                self.0.remove(&one);
            }
        }
    }

    /// Whether the page shows anything that moves.
    pub fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// The topics that cover it, as the server reads them. A job with its log needs no row beside it.
    pub fn topics(&self) -> BTreeSet<String> {
        let topic = |one: &Use| match *one {
            Use::Jobs => Some("jobs".to_owned()),
            Use::Row(job) if self.0.contains_key(&Use::Log(job)) => None,
            Use::Row(job) => Some(format!("row={job}")),
            Use::Log(job) => Some(format!("job={job}")),
        };
        self.0.keys().filter_map(topic).collect()
    }
}

/// The query of a stream of `topics` that begins after `cursor`.
pub fn query(topics: &BTreeSet<String>, cursor: Option<&Cursor>) -> String {
    let topics = topics.iter().map(|topic| if topic.contains('=') { topic.clone() } else { format!("topic={topic}") });
    let after = cursor.map(|cursor| format!("after={cursor}"));
    topics.chain(after).collect::<Vec<_>>().join("&")
}

/// What to post so that a stream of `asked` becomes one of `wanted`; `None` where it is.
pub fn change(asked: &BTreeSet<String>, wanted: &BTreeSet<String>) -> Option<String> {
    // Topics hold nothing that JSON would escape.
    let list = |topics: Vec<String>| topics.iter().map(|topic| format!("\"{topic}\"")).collect::<Vec<_>>().join(",");
    let add = list(wanted.iter().filter(|topic| !asked.contains(*topic)).cloned().collect());
    let remove = list(asked.iter().filter(|topic| !wanted.contains(*topic)).cloned().collect());
    (asked != wanted).then(|| format!(r#"{{"add":[{add}],"remove":[{remove}]}}"#))
}
