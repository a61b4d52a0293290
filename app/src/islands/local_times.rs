use leptos::prelude::*;

use crate::ui::localise;

/// Puts the reader's time zone into the times that the server wrote in its own.
#[island]
pub fn LocalTimes() -> impl IntoView {
    super::wake(|| {
        if let Some(body) = document().body() {
            localise(&body);
        }
    });
}
