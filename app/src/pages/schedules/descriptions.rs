//! Descriptions of schedules in words.

use engine::store::{Missed, Overlap, Plan, Skip, SkipReason};
use jiff::{Timestamp, tz::TimeZone};
use model::{Micros, count};

/// `On weekdays at 02:00`. An expression that is no longer valid is returned unchanged.
pub(super) fn in_words(plan: &Plan) -> String {
    let read = engine::Cron::parse(&plan.expression, &plan.zone);
    read.map_or_else(|_| plan.expression.clone(), |cron| cron.in_words())
}

/// `Mon 23 Nov 2026, 02:00 CET`, in a zone.
pub(super) fn in_zone(at: Micros, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let at = Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone);
    at.strftime("%a %-d %b %Y, %H:%M %Z").to_string()
}

pub(super) const fn overlap(overlap: Overlap) -> &'static str {
    match overlap {
        Overlap::Skip => "Skip",
        Overlap::Queue => "Queue one",
        Overlap::Cancel => "Cancel it and start",
    }
}

pub(super) fn missed(missed: Missed) -> String {
    match missed {
        Missed::Skip => "Skip".to_owned(),
        Missed::Once => "Run once".to_owned(),
        Missed::All(most) => format!("Run each, up to {most}"),
    }
}

/// Why runs were skipped.
pub(super) const fn skip_reason(skip: &Skip) -> &'static str {
    match skip.why {
        SkipReason::Overlap => "The previous run was still active",
        SkipReason::OneWaits => "A run was already waiting",
        SkipReason::Superseded => "Replaced by a newer run",
        SkipReason::Paused => "The schedule was paused",
        SkipReason::Missed => "The server could not start it in time",
        SkipReason::SameJob => "Another job did the same already",
    }
}

/// `Skipped`, `12 skipped`.
pub(super) fn skipped(skip: &Skip) -> String {
    if skip.runs == 1 { "Skipped".to_owned() } else { format!("{} skipped", count(skip.runs)) }
}
