//! What the page shows, as the topics of its stream.

use model::{Cursor, JobId};

/// One reason for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something follows all jobs.
    Jobs,
    /// Something shows what people write.
    Messages,
    /// Something shows a job.
    Row(JobId),
    /// Something shows a job's log.
    Log(JobId),
}

/// Everything the page shows, each as often as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Interests(Vec<Interest>);

impl Interests {
    /// One more.
    pub fn add(&mut self, one: Interest) {
        self.0.push(one);
    }

    /// One less.
    pub fn remove(&mut self, one: Interest) {
        if let Some(place) = self.0.iter().position(|other| *other == one) {
            self.0.swap_remove(place);
        }
    }

    /// Whether the page is that of a job, or shows as much of it.
    pub fn opens(&self, job: JobId) -> bool {
        self.0.contains(&Interest::Log(job))
    }

    /// The topics that cover it, as the server reads them, each once. A job with its log needs no row beside it.
    pub fn topics(&self) -> Vec<String> {
        let mut topics = Vec::new();
        for one in &self.0 {
            let topic = match *one {
                Interest::Jobs => "jobs".to_owned(),
                Interest::Messages => "messages".to_owned(),
                Interest::Row(job) if self.0.contains(&Interest::Log(job)) => continue,
                Interest::Row(job) => format!("row={job}"),
                Interest::Log(job) => format!("job={job}"),
            };
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }
}

/// The query of a stream of `topics` that begins after `cursor`.
pub fn query(topics: &[String], cursor: Option<&Cursor>) -> String {
    let topics = topics.iter().map(|topic| if topic.contains('=') { topic.clone() } else { format!("topic={topic}") });
    let after = cursor.map(|cursor| format!("after={cursor}"));
    topics.chain(after).collect::<Vec<_>>().join("&")
}

/// What to post so that a stream shows more, and less.
pub fn change(add: &[String], remove: &[String]) -> String {
    // Topics hold nothing that JSON would escape.
    let list = |topics: &[String]| topics.iter().map(|topic| format!("\"{topic}\"")).collect::<Vec<_>>().join(",");
    format!(r#"{{"add":[{}],"remove":[{}]}}"#, list(add), list(remove))
}

/// Those of `topics` that are not among `others`.
pub(super) fn without(topics: &[String], others: &[String]) -> Vec<String> {
    topics.iter().filter(|topic| !others.contains(topic)).cloned().collect()
}
