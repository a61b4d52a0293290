//! A job in a view: what the view shows follows the job and the clock.

use std::sync::Arc;

use leptos::prelude::*;
use model::{JobView, Micros};

use super::JobText;

/// A text or an attribute that follows the signals it reads. Of one type for each type of value, because every type of
/// a reactive value adds kilobytes to the wasm.
pub type Reactive<T> = Arc<dyn Fn() -> T + Send + Sync>;

pub fn reactive<T>(value: impl Fn() -> T + Send + Sync + 'static) -> Reactive<T> {
    Arc::new(value)
}

/// A job and the server's clock.
#[derive(Clone, Copy)]
pub struct LiveJob {
    pub view: RwSignal<JobView>,
    pub now: RwSignal<Micros>,
}

impl LiveJob {
    /// A job that does not change: drawn by the server, outside of islands.
    pub fn fixed(view: JobView, now: Micros) -> Self {
        Self { view: RwSignal::new(view), now: RwSignal::new(now) }
    }

    pub fn map<T>(self, value: impl Fn(&JobView, Micros) -> T + Send + Sync + 'static) -> Reactive<T> {
        Arc::new(move || value(&self.view.read(), self.now.get()))
    }

    pub fn text(self, text: JobText) -> Reactive<String> {
        Arc::new(move || text.of(&self.view.read(), self.now.get()))
    }

    /// Whether the text is empty.
    pub fn lacks(self, text: JobText) -> Reactive<bool> {
        Arc::new(move || text.of(&self.view.read(), self.now.get()).is_empty())
    }

    /// The value of `data-state`.
    pub fn data_state(self) -> Reactive<Option<String>> {
        self.map(|job, _| Some(job.shown().data_state().to_owned()))
    }
}
