//! The links to check: one a line, each asked once however often it stands there.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    io::{self, BufRead},
    sync::Arc,
};

use engine::TaskError;
use model::count;
use reqwest::Url;

/// The most links in one job.
pub(super) const MOST: usize = 100_000;
/// The longest line, bytes.
const LONGEST: u64 = 16 << 10;

/// The links of a job.
#[derive(Default)]
pub(super) struct Links {
    /// Every line with a link, in order, and which target it means.
    pub(super) lines: Vec<(String, usize)>,
    /// What is asked.
    pub(super) targets: Vec<Target>,
    known: HashMap<String, usize>,
}

/// A link that is asked once. Shown as the link.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Its place among the targets.
    pub(super) index: usize,
    /// Where to, or why that is not to be made out.
    pub(super) url: Result<Url, String>,
    text: Arc<str>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Links {
    /// Takes the links of a text, one a line; empty lines are passed over.
    pub(super) fn read(&mut self, mut list: impl BufRead) -> Result<(), TaskError> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = io::Read::take(&mut list, LONGEST).read_until(b'\n', &mut bytes);
            if read.map_err(|error| TaskError::io("reading the list of links", &error))? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&bytes);
            // A byte order mark stands in front of what some programs write.
            let link = text.trim_start_matches('\u{feff}').trim();
            if !link.is_empty() {
                self.add(link)?;
            }
        }
    }

    fn add(&mut self, link: &str) -> Result<(), TaskError> {
        if self.lines.len() == MOST {
            let message = format!("there are more than {} links; split the list", count(MOST as u64));
            return Err(TaskError::fatal("too_many_links", message));
        }
        let url = parse(link);
        // What differs only in its fragment is one document.
        let key = url.as_ref().map_or(link, Url::as_str).to_owned();
        let index = *self.known.entry(key).or_insert(self.targets.len());
        if index == self.targets.len() {
            self.targets.push(Target { index, url, text: link.into() });
        }
        self.lines.push((link.to_owned(), index));
        Ok(())
    }

    /// The targets, host after host in turn, so that one slow or limited host does not hold up all the others.
    pub(super) fn in_turn(&self) -> Vec<Target> {
        let mut hosts: Vec<VecDeque<&Target>> = Vec::new();
        let mut places: HashMap<Option<&str>, usize> = HashMap::new();
        for target in &self.targets {
            let host = target.url.as_ref().ok().and_then(Url::host_str);
            let place = *places.entry(host).or_insert(hosts.len());
            if place == hosts.len() {
                hosts.push(VecDeque::new());
            }
            hosts[place].push_back(target);
        }
        let mut ordered = Vec::with_capacity(self.targets.len());
        while !hosts.is_empty() {
            hosts.retain_mut(|host| {
                ordered.extend(host.pop_front().cloned());
                !host.is_empty()
            });
        }
        ordered
    }
}

/// A link of the web, without its fragment, which is never sent.
fn parse(link: &str) -> Result<Url, String> {
    let mut url = Url::parse(link).map_err(|error| format!("Not a URL: {error}"))?;
    web(&url)?;
    url.set_fragment(None);
    Ok(url)
}

/// Refuses what is not fetched over HTTP.
pub(super) fn web(url: &Url) -> Result<(), String> {
    match url.scheme() {
        "http" | "https" => Ok(()),
        other => Err(format!("only http and https links are checked, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Links {
        let mut links = Links::default();
        links.read(text.as_bytes()).expect("few links");
        links
    }

    #[test]
    fn a_link_is_asked_once_and_reported_for_each_line() {
        let links = read("\u{feff}https://a.example/\r\n\n https://a.example/#part \nhttps://b.example\n");
        assert_eq!(links.lines.iter().map(|line| line.1).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(links.targets.len(), 2);
        assert_eq!(links.lines[1].0, "https://a.example/#part");
    }

    #[test]
    fn what_is_no_web_link_says_so() {
        let links = read("ftp://a.example/\nhello\nfile:///etc/passwd\n");
        assert!(links.targets.iter().all(|target| target.url.is_err()));
    }

    #[test]
    fn hosts_take_turns() {
        let links = read("https://a/1\nhttps://a/2\nhttps://a/3\nhttps://b/1\nhttps://c/1\n");
        let order: Vec<String> = links.in_turn().iter().map(ToString::to_string).collect();
        assert_eq!(order, ["https://a/1", "https://b/1", "https://c/1", "https://a/2", "https://a/3"]);
    }

    #[test]
    fn more_than_the_most_is_refused() {
        let text = "https://a.example/\n".repeat(MOST + 1);
        assert!(Links::default().read(text.as_bytes()).is_err());
    }
}
