//! Subscriptions: what the page shows, as topics of its stream.

use model::{Cursor, JobId};

/// One reason for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// An element that follows all jobs.
    Jobs,
    /// An element that shows messages.
    Messages,
    /// An element that shows a job.
    Row(JobId),
    /// An element that shows a job's log.
    Log(JobId),
}

/// All interests of the page, with repetitions.
#[derive(Clone, Debug, Default)]
pub struct Interests(Vec<Interest>);

impl Interests {
    pub fn add(&mut self, one: Interest) {
        self.0.push(one);
    }

    pub fn remove(&mut self, one: Interest) {
        if let Some(place) = self.0.iter().position(|other| *other == one) {
            self.0.swap_remove(place);
        }
    }

    /// Whether the page shows the job's log, as only its own page does.
    pub fn opens(&self, job: JobId) -> bool {
        self.0.contains(&Interest::Log(job))
    }

    /// Returns the topics that cover the interests, each once. A job whose log is shown needs no row topic.
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

/// Returns the query of a stream of `topics` after `cursor`.
pub fn query(topics: &[String], cursor: Option<&Cursor>) -> String {
    let topics = topics.iter().map(|topic| if topic.contains('=') { topic.clone() } else { format!("topic={topic}") });
    let after = cursor.map(|cursor| format!("after={cursor}"));
    topics.chain(after).collect::<Vec<_>>().join("&")
}

/// Returns the body that adds and removes topics of a stream.
pub fn change(add: &[String], remove: &[String]) -> String {
    // Topics contain no characters that JSON escapes.
    let list = |topics: &[String]| topics.iter().map(|topic| format!("\"{topic}\"")).collect::<Vec<_>>().join(",");
    format!(r#"{{"add":[{}],"remove":[{}]}}"#, list(add), list(remove))
}

/// Returns the `topics` that are not among `others`.
pub(super) fn without(topics: &[String], others: &[String]) -> Vec<String> {
    topics.iter().filter(|topic| !others.contains(topic)).cloned().collect()
}
