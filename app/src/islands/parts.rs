//! The parts of a page that only the server draws, fetched anew when something has happened.

use std::{cell::Cell, time::Duration};

use leptos::{prelude::set_timeout, task::spawn_local};

use crate::browser;

/// Whether the page is being fetched, and has to be once more after that.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Fetch {
    #[default]
    Idle,
    Busy,
    Again,
}

thread_local! {
    static FETCH: Cell<Fetch> = Cell::default();
}

/// Fetches them: one fetch at a time. What happens meanwhile asks for one more, after a pause.
pub(super) fn refresh(pause: Duration) {
    if FETCH.get() != Fetch::Idle {
        return FETCH.set(Fetch::Again);
    }
    FETCH.set(Fetch::Busy);
    spawn_local(async move {
        browser::refresh_parts().await;
        set_timeout(
            move || {
                if FETCH.replace(Fetch::Idle) == Fetch::Again {
                    refresh(pause);
                }
            },
            pause,
        );
    });
}
