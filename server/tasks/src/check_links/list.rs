//! List of links, one on each line; duplicates are checked once.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    io::{self, BufRead},
    sync::Arc,
};

use engine::TaskError;
use model::count;
use reqwest::Url;

/// Most links in one job.
pub(super) const MAX_LINKS: usize = 100_000;
/// Longest line, bytes.
const MAX_LINE: u64 = 16 << 10;

/// The links of a job.
#[derive(Default)]
pub(super) struct Links {
    /// Lines with a link in order, each with the index of its target.
    pub(super) lines: Vec<(String, usize)>,
    /// Distinct links.
    pub(super) targets: Vec<Target>,
    known: HashMap<String, usize>,
}

/// A distinct link. Displayed as the link.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Index among the targets.
    pub(super) index: usize,
    /// The address, or why it is invalid.
    pub(super) url: Result<Url, String>,
    text: Arc<str>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Links {
    /// Adds the links of a text with one link on each line; skips empty lines.
    pub(super) fn read(&mut self, mut list: impl BufRead) -> Result<(), TaskError> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = io::Read::take(&mut list, MAX_LINE).read_until(b'\n', &mut bytes);
            if read.map_err(|error| TaskError::io("reading the list of links", &error))? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&bytes);
            // Some programs write a byte order mark first.
            let link = text.trim_start_matches('\u{feff}').trim();
            if !link.is_empty() {
                self.add(link)?;
            }
        }
    }

    fn add(&mut self, link: &str) -> Result<(), TaskError> {
        if self.lines.len() == MAX_LINKS {
            let message = format!("there are more than {} links; split the list", count(MAX_LINKS as u64));
            return Err(TaskError::fatal("too_many_links", message));
        }
        let url = parse(link);
        // Links that differ only in their fragment are one document.
        let key = url.as_ref().map_or(link, Url::as_str).to_owned();
        let index = *self.known.entry(key).or_insert(self.targets.len());
        if index == self.targets.len() {
            self.targets.push(Target { index, url, text: link.into() });
        }
        self.lines.push((link.to_owned(), index));
        Ok(())
    }

    /// The targets by host, round robin, so that one slow or limited host does not delay the others.
    pub(super) fn round_robin(&self) -> Vec<Target> {
        let mut hosts: Vec<VecDeque<&Target>> = Vec::new();
        let mut index_of_host: HashMap<Option<&str>, usize> = HashMap::new();
        for target in &self.targets {
            let host = target.url.as_ref().ok().and_then(Url::host_str);
            let index = *index_of_host.entry(host).or_insert(hosts.len());
            if index == hosts.len() {
                hosts.push(VecDeque::new());
            }
            hosts[index].push_back(target);
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

/// Parses a web link. Removes its fragment, which is never sent.
fn parse(link: &str) -> Result<Url, String> {
    let mut url = Url::parse(link).map_err(|error| format!("Not a URL: {error}"))?;
    check_scheme(&url)?;
    url.set_fragment(None);
    Ok(url)
}

/// Rejects schemes other than HTTP and HTTPS.
pub(super) fn check_scheme(url: &Url) -> Result<(), String> {
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
    fn duplicate_link_is_one_target_with_two_lines() {
        let links = read("\u{feff}https://a.example/\r\n\n https://a.example/#part \nhttps://b.example\n");
        assert_eq!(links.lines.iter().map(|line| line.1).collect::<Vec<_>>(), [0, 0, 1]);
        assert_eq!(links.targets.len(), 2);
        assert_eq!(links.lines[1].0, "https://a.example/#part");
    }

    #[test]
    fn other_scheme_is_an_error() {
        let links = read("ftp://a.example/\nhello\nfile:///etc/passwd\n");
        assert!(links.targets.iter().all(|target| target.url.is_err()));
    }

    #[test]
    fn hosts_are_ordered_round_robin() {
        let links = read("https://a/1\nhttps://a/2\nhttps://a/3\nhttps://b/1\nhttps://c/1\n");
        let order: Vec<String> = links.round_robin().iter().map(ToString::to_string).collect();
        assert_eq!(order, ["https://a/1", "https://b/1", "https://c/1", "https://a/2", "https://a/3"]);
    }

    #[test]
    fn too_many_links_are_rejected() {
        let text = "https://a.example/\n".repeat(MAX_LINKS + 1);
        assert!(Links::default().read(text.as_bytes()).is_err());
    }
}
