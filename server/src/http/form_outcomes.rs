//! Outcomes of forms, from the redirect to the page that shows them: in memory, since a secret is never stored.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use app::server_fns::FormState;
use engine::access::Actor;
use url::form_urlencoded;

/// The parameter of the address that names the outcome.
const PARAMETER: &str = "form";
/// How long the browser may take to follow the redirect.
const KEPT_FOR: Duration = Duration::from_mins(1);
/// Most outcomes kept at a time; beyond them the oldest is dropped.
const MOST: usize = 256;

/// Outcomes that no page has shown yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct FormOutcomes(Arc<Mutex<VecDeque<Kept>>>);

#[derive(Debug)]
struct Kept {
    id: u128,
    actor: Actor,
    at: Instant,
    state: FormState,
}

impl FormOutcomes {
    /// Keeps an outcome for `actor`. Returns the address of `page` that shows it once.
    pub(crate) fn keep(&self, page: &str, actor: Actor, state: FormState) -> String {
        let id = rand::random();
        let mut kept = self.unexpired();
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back(Kept { id, actor, at: Instant::now(), state });
        format!("{page}?{PARAMETER}={id:032x}")
    }

    /// Takes the outcome that the query of an address names.
    pub(crate) fn take(&self, query: &str, actor: &Actor) -> Option<FormState> {
        let (_, id) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == PARAMETER)?;
        let id = u128::from_str_radix(&id, 16).ok()?;
        let mut kept = self.unexpired();
        let place = kept.iter().position(|kept| kept.id == id && kept.actor == *actor)?;
        kept.remove(place).map(|kept| kept.state)
    }

    fn unexpired(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| kept.at.elapsed() < KEPT_FOR);
        kept
    }
}

#[cfg(test)]
mod tests {
    use app::server_fns::ApiError;

    use super::*;

    fn keep(outcomes: &FormOutcomes, function: &str) -> String {
        let outcome = Err(ApiError::new("invalid", "no"));
        let state = FormState { function: function.to_owned(), entries: Vec::new(), outcome };
        let address = outcomes.keep("/settings", Actor::Local, state);
        address.strip_prefix("/settings?").unwrap_or_default().to_owned()
    }

    #[test]
    fn outcome_is_taken_once_and_by_its_user_only() {
        let outcomes = FormOutcomes::default();
        let query = keep(&outcomes, "make_token");
        assert!(outcomes.take(&query, &Actor::Anonymous).is_none());
        assert_eq!(outcomes.take(&query, &Actor::Local).map(|state| state.function).as_deref(), Some("make_token"));
        assert!(outcomes.take(&query, &Actor::Local).is_none());
        assert!(outcomes.take("form=xyz", &Actor::Local).is_none());
    }

    #[test]
    fn oldest_outcome_makes_room() {
        let outcomes = FormOutcomes::default();
        let queries: Vec<_> = (0..=MOST).map(|_| keep(&outcomes, "add_user")).collect();
        assert!(outcomes.take(&queries[0], &Actor::Local).is_none());
        assert!(queries[1..].iter().all(|query| outcomes.take(query, &Actor::Local).is_some()));
    }
}
