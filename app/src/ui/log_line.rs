use leptos::prelude::*;
use model::{JobId, LogLine};

use super::When;

/// One line of a log. Its number is a link to it, which works without script and long after.
#[component]
pub fn LogRow(
    /// Whose log.
    job: JobId,
    /// Its number.
    number: u64,
    /// What it says.
    line: LogLine,
) -> impl IntoView {
    view! {
        <div class="line" data-level=line.level.as_str() id=format!("L{number}")>
            <a class="n" href=format!("/jobs/{job}?line={number}#L{number}") tabindex="-1">
                {number}
            </a>
            <When at=line.at clock=true />
            <span class="level">{line.level.as_str()}</span>
            <span>{line.text}</span>
        </div>
    }
}
