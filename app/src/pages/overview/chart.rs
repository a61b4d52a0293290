//! Chart of finished jobs per hour.

use engine::store::HourBucket;
use leptos::prelude::*;
use leptos_router::params::ParamsMap;
use model::count;

use super::text;
use crate::base_path::url;

/// How far back the chart goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Span {
    #[default]
    Day,
    Week,
}

impl Span {
    /// `?hours=168` is a week; anything else is a day.
    pub(super) fn read(query: &ParamsMap) -> Self {
        if query.get_str("hours") == Some("168") { Self::Week } else { Self::Day }
    }

    pub(super) const fn hours(self) -> u32 {
        match self {
            Self::Day => 24,
            Self::Week => 168,
        }
    }

    const fn marks(self) -> [&'static str; 5] {
        match self {
            Self::Day => text::DAY_MARKS,
            Self::Week => text::WEEK_MARKS,
        }
    }
}

/// Height of the plot in its own units.
const HEIGHT: f64 = 100.0;
/// Width of the plot in its own units.
const WIDTH: f64 = 100.0;

#[component]
pub(super) fn FinishedPerHour(hours: Vec<HourBucket>, span: Span) -> impl IntoView {
    let hours = hours[hours.len().saturating_sub(span.hours() as usize)..].to_vec();
    let most = hours.iter().map(total).max().unwrap_or(0);
    let ended: u64 = hours.iter().map(total).sum();
    let failed: u64 = hours.iter().map(|hour| hour.failed).sum();
    let finding = text::chart_summary(&count(ended), &count(failed), &count(most));
    let step = WIDTH / hours.len().max(1) as f64;
    let bars: Vec<_> = hours.iter().enumerate().map(|(i, hour)| bar(hour, i as f64 * step, step, most)).collect();
    view! {
        <section class="card" aria-labelledby="finished">
            <header>
                <h2 id="finished">{text::FINISHED_PER_HOUR}</h2>
                <span class="hint">{text::WITH_DELETED}</span>
                <div class="actions">
                    <nav class="button-group" aria-label=text::TIME_SPAN>
                        <SpanLink to=Span::Day current=span name="24 h" />
                        <SpanLink to=Span::Week current=span name="7 d" />
                    </nav>
                </div>
            </header>
            <div class="body chart">
                <svg class="plot" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label=finding>
                    <line class="grid" x1="0" x2="100" y1="100" y2="100"></line>
                    {bars}
                </svg>
                <div class="axis" aria-hidden="true">
                    {span.marks().map(|mark| view! { <span>{mark}</span> })}
                </div>
                <ul class="legend">
                    <li data-state="succeeded">
                        <i></i>
                        {text::SUCCEEDED}
                    </li>
                    <li data-state="failed">
                        <i></i>
                        {text::FAILED_OR_INTERRUPTED}
                    </li>
                    <li data-state="cancelled">
                        <i></i>
                        {text::CANCELLED}
                    </li>
                    <li class="note">{text::peak(&count(most))}</li>
                </ul>
            </div>
        </section>
    }
}

#[component]
fn SpanLink(to: Span, current: Span, name: &'static str) -> impl IntoView {
    let href = match to {
        Span::Day => url("/"),
        Span::Week => url("/?hours=168"),
    };
    view! {
        <a class="button small" href=href aria-current=(to == current).then_some("true")>
            {name}
        </a>
    }
}

fn total(hour: &HourBucket) -> u64 {
    hour.succeeded + hour.failed + hour.cancelled
}

/// One hour: succeeded at the bottom, cancelled above, failed on top.
fn bar(hour: &HourBucket, x: f64, step: f64, most: u64) -> impl IntoView + use<> {
    let mut below = 0;
    let parts = [("good", hour.succeeded), ("off", hour.cancelled), ("bad", hour.failed)].map(|(class, n)| {
        let scale = |n: u64| n as f64 / most.max(1) as f64 * HEIGHT;
        let (height, y) = (scale(n), HEIGHT - scale(below + n));
        below += n;
        (n > 0).then(|| {
            view! {
                <rect
                    class=class
                    x=format!("{:.3}", x + step * 0.15)
                    y=format!("{y:.2}")
                    width=format!("{:.3}", step * 0.7)
                    height=format!("{height:.2}")
                ></rect>
            }
        })
    });
    parts.into_iter().collect::<Vec<_>>()
}
