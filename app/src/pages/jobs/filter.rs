//! Filter of the job list, read from and written to the address.

use engine::store::{ListQuery, PageAt, SEARCH_WORDS};
use leptos_router::params::ParamsMap;
use model::{JobId, JobState, Micros};

use super::text;
use crate::base_path::url;

/// Jobs on one page.
const PAGE: u32 = 50;
/// The longest search text, characters.
const MAX_TEXT: usize = 200;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    All,
    Running,
    Queued,
    Paused,
    Succeeded,
    Failed,
    Cancelled,
    Interrupted,
}

/// The oldest jobs shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Hour,
    Day,
    Week,
    Month,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) tab: Tab,
    pub(super) kind: Option<String>,
    pub(super) since: Option<Since>,
    pub(super) text: String,
    pub(super) at: Option<PageAt>,
}

impl Tab {
    pub(super) const ALL: [Self; 8] = [
        Self::All,
        Self::Running,
        Self::Queued,
        Self::Paused,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Interrupted,
    ];

    /// The value in the address.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Running => "running",
            Self::Queued => "queued",
            Self::Paused => "paused",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::All => text::ALL,
            Self::Running => text::RUNNING,
            Self::Queued => text::QUEUED,
            Self::Paused => text::PAUSED,
            Self::Succeeded => text::SUCCEEDED,
            Self::Failed => text::FAILED,
            Self::Cancelled => text::CANCELLED,
            Self::Interrupted => text::INTERRUPTED,
        }
    }

    /// The states shown. Scheduled jobs are in the tab of queued ones.
    pub(super) const fn states(self) -> &'static [JobState] {
        match self {
            Self::All => &JobState::ALL,
            Self::Running => &[JobState::Running],
            Self::Queued => &[JobState::Queued, JobState::Scheduled],
            Self::Paused => &[JobState::Paused],
            Self::Succeeded => &[JobState::Succeeded],
            Self::Failed => &[JobState::Failed],
            Self::Cancelled => &[JobState::Cancelled],
            Self::Interrupted => &[JobState::Interrupted],
        }
    }
}

impl Since {
    pub(super) const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The value in the address.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Hour => text::LAST_HOUR,
            Self::Day => text::LAST_24_HOURS,
            Self::Week => text::LAST_7_DAYS,
            Self::Month => text::LAST_30_DAYS,
        }
    }

    const fn hours(self) -> i64 {
        match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        }
    }
}

/// Returns the first distinct words, if the text has more than can be searched.
fn limit_words(text: &str) -> Option<String> {
    let mut words = Vec::<&str>::new();
    for word in text.split_whitespace() {
        if words.iter().all(|known| known.to_lowercase() != word.to_lowercase()) {
            words.push(word);
        }
    }
    (words.len() > SEARCH_WORDS).then(|| words[..SEARCH_WORDS].join(" "))
}

impl Filter {
    /// Reads the address. Ignores invalid values and returns a sentence for each.
    pub(super) fn read(query: &ParamsMap) -> (Self, Vec<String>) {
        let mut faults = Vec::new();
        let given = |name: &str| query.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let tab = given("state").and_then(|word| {
            let tab = Tab::ALL.into_iter().find(|tab| tab.word() == word);
            tab.or_else(|| {
                faults.push(text::unknown_state(&word));
                None
            })
        });
        let since = given("since").and_then(|word| {
            let since = Since::ALL.into_iter().find(|since| since.word() == word);
            since.or_else(|| {
                faults.push(text::unknown_period(&word));
                None
            })
        });
        let mut text = given("q").unwrap_or_default();
        if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
            text.truncate(end);
            faults.push(text::text_cut(&MAX_TEXT));
        }
        if let Some(first) = limit_words(&text) {
            text = first;
            faults.push(text::words_cut(&SEARCH_WORDS));
        }
        let mut number = |name: &str| {
            let word = given(name)?;
            let job = word.parse().ok().filter(|job: &JobId| job.0 > 0);
            job.or_else(|| {
                faults.push(text::not_a_job_number(&word));
                None
            })
        };
        let at = match (number("before"), number("after"), given("from").as_deref()) {
            (Some(job), _, _) => Some(PageAt::OlderThan(job)),
            (None, Some(job), _) => Some(PageAt::NewerThan(job)),
            (None, None, Some("oldest")) => Some(PageAt::Oldest),
            (None, None, Some(word)) => {
                faults.push(text::unknown_order(&word));
                None
            }
            (None, None, None) => None,
        };
        (Self { tab: tab.unwrap_or_default(), kind: given("kind"), since, text, at }, faults)
    }

    /// Returns the address of this list.
    pub(super) fn href(&self) -> String {
        let mut query = ParamsMap::new();
        if self.tab != Tab::All {
            query.insert("state", self.tab.word().to_owned());
        }
        if let Some(kind) = &self.kind {
            query.insert("kind", kind.clone());
        }
        if let Some(since) = self.since {
            query.insert("since", since.word().to_owned());
        }
        if !self.text.is_empty() {
            query.insert("q", self.text.clone());
        }
        match self.at {
            Some(PageAt::OlderThan(job)) => query.insert("before", job.to_string()),
            Some(PageAt::NewerThan(job)) => query.insert("after", job.to_string()),
            Some(PageAt::Oldest) => query.insert("from", "oldest".to_owned()),
            None => {}
        }
        url(&format!("/jobs{}", query.to_query_string()))
    }

    /// Returns the same list at another page; `None` is the first.
    pub(super) fn page(&self, at: Option<PageAt>) -> Self {
        Self { at, ..self.clone() }
    }

    /// Returns the same filters on another tab, from its first page.
    pub(super) fn tab(&self, tab: Tab) -> Self {
        Self { tab, at: None, ..self.clone() }
    }

    /// Returns the tab without filters.
    pub(super) fn cleared(&self) -> Self {
        Self { tab: self.tab, ..Self::default() }
    }

    /// Whether filters other than the tab hide jobs.
    pub(super) fn hides(&self) -> bool {
        self.kind.is_some() || self.since.is_some() || !self.text.is_empty()
    }

    /// Returns the oldest creation time shown.
    pub(super) fn from(&self, now: Micros) -> Option<Micros> {
        self.since.map(|since| Micros(now.0 - since.hours() * 3_600_000_000))
    }

    pub(super) fn list_query(&self, now: Micros) -> ListQuery {
        ListQuery {
            states: if self.tab == Tab::All { Vec::new() } else { self.tab.states().to_vec() },
            kind: self.kind.clone(),
            from: self.from(now),
            until: None,
            text: Some(self.text.clone()).filter(|text| !text.is_empty()),
            at: self.at,
            limit: PAGE,
            ..ListQuery::default()
        }
    }
}
