//! Finishes without a run id that came a moment ago: a program that repeats one, because the response was lost, gets the
//! same job.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use wire::Finish;

use crate::store::{Attribution, RunKey};

/// How long a finish counts as the same.
const SAME_FINISH: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(super) struct RecentFinishes(Mutex<HashMap<Sender, (Instant, Finish, RunKey)>>);

/// Owner, token and kind.
type Sender = (String, String, String);

impl RecentFinishes {
    /// The run that the same finish ended a moment ago, else the one that `otherwise` returns.
    pub(super) fn run_of(
        &self,
        by: &Attribution,
        kind: &str,
        finish: &Finish,
        otherwise: impl FnOnce() -> RunKey,
    ) -> RunKey {
        let sender = (by.name.to_string(), by.token.as_deref().unwrap_or_default().to_owned(), kind.to_owned());
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|_, (at, ..)| at.elapsed() < SAME_FINISH);
        if let Some((_, before, run)) = recent.get(&sender)
            && before == finish
        {
            return run.clone();
        }
        let run = otherwise();
        recent.insert(sender, (Instant::now(), finish.clone(), run.clone()));
        run
    }
}
