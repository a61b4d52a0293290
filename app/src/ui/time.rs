use leptos::prelude::*;
use model::{Micros, duration};

/// An instant as `<time>`. The server writes it in its own zone, named in `title`; a script puts the browser's zone.
#[component]
pub fn When(
    /// The instant.
    at: Micros,
) -> impl IntoView {
    view! { <time datetime=iso(at)>{iso(at)}</time> }
}

/// How long ago, moving: `just now`, `4 s ago`, `12 min ago`.
#[component]
pub fn Ago(
    /// The instant.
    #[prop(into)]
    at: Signal<Micros>,
    /// The moving now, from [`crate::live::now`].
    #[prop(into)]
    now: Signal<Micros>,
) -> impl IntoView {
    move || ago(at.get(), now.get())
}

fn ago(at: Micros, now: Micros) -> String {
    let seconds = now.seconds_since(at);
    if seconds < 2.0 { "just now".to_owned() } else { format!("{} ago", duration(seconds.floor())) }
}

/// RFC 3339 in UTC, seconds.
fn iso(at: Micros) -> String {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days to civil.
    let seconds = at.0.div_euclid(1_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", of_day / 3_600, of_day % 3_600 / 60, of_day % 60)
}
