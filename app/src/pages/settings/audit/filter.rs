//! Filter of the audit log, read from and written to the address.

use engine::store::AuditQuery;
use leptos_router::params::ParamsMap;
use model::{FieldError, JobId, Micros};

use super::{sentence::ACTIONS, text};
use crate::{base_path::url, components::day};

/// The longest user name.
const LONGEST_NAME: usize = 40;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub(super) who: Option<String>,
    pub(super) what: Option<&'static str>,
    pub(super) job: Option<JobId>,
    /// The first day as given, and its start.
    pub(super) from: Option<(String, Micros)>,
    /// The last day as given, and its end.
    pub(super) until: Option<(String, Micros)>,
    pub(super) before: Option<i64>,
}

impl AuditFilter {
    /// Reads the address, whose values `value` returns by name. Ignores invalid values and returns an error for each.
    /// Days are in the reader's time zone.
    pub fn read(value: impl Fn(&str) -> Option<String>) -> (Self, Vec<FieldError>) {
        let given = |name: &str| value(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut faults = Vec::new();
        let mut fault = |field: &str, message: String| faults.push(FieldError { field: field.to_owned(), message });
        let who = given("who").map(|name| name.to_lowercase()).filter(|name| {
            let fits = name.chars().count() <= LONGEST_NAME;
            if !fits {
                fault("who", text::name_too_long(&LONGEST_NAME));
            }
            fits
        });
        let what = given("what").and_then(|word| {
            let known = ACTIONS.iter().find(|(known, _)| *known == word).map(|(known, _)| *known);
            if known.is_none() {
                fault("what", text::unknown_action(&short(&word)));
            }
            known
        });
        let mut number = |name: &str, label: &str, rest: &str| {
            let text = given(name)?;
            let number = text.trim_start_matches('#').parse().ok().filter(|number: &i64| *number > 0);
            if number.is_none() {
                fault(name, text::not_a_number(&label, &short(&text), &rest));
            }
            number
        };
        let job = number("job", text::JOB, text::SHOWING_ALL_JOBS).map(JobId);
        let before = number("before", text::PAGE, text::SHOWING_NEWEST);
        let mut date = |name: &str, label: &str| {
            let text = given(name)?;
            let day = day(&text);
            if day.is_none() {
                fault(name, text::not_a_date(&label, &short(&text)));
            }
            day.map(|day| (text, day))
        };
        let from = date("from", text::FROM).map(|(text, day)| (text, day.start));
        let mut until = date("until", text::UNTIL).map(|(text, day)| (text, day.end));
        if let (Some((first, begin)), Some((last, end))) = (&from, &until)
            && begin >= end
        {
            fault("until", text::ends_before_it_starts(&last, &first));
            until = None;
        }
        (Self { who, what, job, from, until, before }, faults)
    }

    pub fn query(&self, limit: u32) -> AuditQuery {
        AuditQuery {
            who: self.who.clone(),
            what: self.what.map(str::to_owned),
            job: self.job,
            from: self.from.as_ref().map(|(_, at)| *at),
            until: self.until.as_ref().map(|(_, at)| *at),
            before: self.before,
            limit,
        }
    }

    pub(super) fn href(&self) -> String {
        self.address("/settings/audit")
    }

    /// The address of all pages as one CSV file.
    pub(super) fn csv(&self) -> String {
        self.page(None).address("/settings/audit.csv")
    }

    /// The same list at another page; `None` is the first.
    pub(super) fn page(&self, before: Option<i64>) -> Self {
        Self { before, ..self.clone() }
    }

    /// Whether filters hide entries.
    pub(super) fn hides(&self) -> bool {
        self.page(None) != Self::default()
    }

    fn address(&self, path: &str) -> String {
        let mut query = ParamsMap::new();
        let values = [
            ("who", self.who.clone()),
            ("what", self.what.map(str::to_owned)),
            ("job", self.job.map(|job| job.to_string())),
            ("from", self.from.as_ref().map(|(text, _)| text.clone())),
            ("until", self.until.as_ref().map(|(text, _)| text.clone())),
            ("before", self.before.map(|before| before.to_string())),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                query.insert(name, value);
            }
        }
        url(&format!("{path}{}", query.to_query_string()))
    }
}

/// Cuts a typed text, to be repeated in a sentence.
fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
