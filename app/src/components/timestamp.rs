//! Timestamps in the reader's time zone. The server writes the zone that the user chose, and the browser keeps it.
//! Without a choice the server writes and names its own zone, and the browser replaces it by its zone.

use leptos::prelude::*;
use model::{JobView, Micros, Shown, duration};

use super::LiveJob;
use crate::browser::{all, set, set_text};

/// A timestamp as `<time>`: the time of day, with the date unless it is today.
#[component]
pub fn Timestamp(
    at: Micros,
    /// Only the time of day, whatever the date.
    #[prop(optional)]
    clock: bool,
) -> impl IntoView {
    let text = if clock { zone::civil(at).clock() } else { local_time(at) };
    view! {
        <time class:clock=clock datetime=zone::iso(at) title=(!clock).then(|| zone::full(at))>
            {text}
        </time>
    }
}

/// A time of a job that may not be known yet. That of a running one is estimated, so it has no seconds.
#[component]
pub fn JobTimestamp(job: LiveJob, at: fn(&JobView) -> Option<Micros>) -> impl IntoView {
    let text = move |job: &JobView, _| {
        let mut text = at(job).map(local_time).unwrap_or_default();
        // `14:39:22`, not a date.
        if job.shown() == Shown::Running && text.len() == 8 {
            text.truncate(5);
        }
        text
    };
    view! {
        <time
            hidden=job.map(move |job, _| at(job).is_none())
            datetime=job.map(move |job, _| at(job).map(zone::iso))
            title=job.map(move |job, _| at(job).filter(|_| is_zone_known()).map(zone::full))
        >
            {job.map(text)}
        </time>
    }
}

/// `just now`, `4 s ago`, `12 min 06 s ago`.
pub fn ago(at: Micros, now: Micros) -> String {
    let seconds = now.seconds_since(at);
    if seconds < 2.0 {
        return "just now".to_owned();
    }
    let mut text = if seconds < 60.0 { format!("{} s", seconds as u64) } else { duration(seconds.floor()) };
    text.push_str(" ago");
    text
}

/// `in 3 h 27 min`; `None` once the time has come.
pub fn time_until(at: i64, now: Micros) -> Option<String> {
    let seconds = Micros(at).seconds_since(now);
    (seconds >= 1.0).then(|| "in ".to_owned() + &duration(seconds))
}

/// The time left until `at`, which the browser counts down.
#[component]
pub fn Countdown(at: Micros, now: Micros) -> impl IntoView {
    let left = time_until(at.0, now);
    let until = left.as_ref().map(|_| at.0.to_string());
    view! { <span data-until=until>{left.unwrap_or_else(|| "now".to_owned())}</span> }
}

#[cfg(feature = "hydrate")]
thread_local! {
    static LOCAL_ZONE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Lets views write times. Until then they leave those that the server wrote: a view takes over a text without looking
/// at it, so it would take the server's zone for its own.
pub fn use_local_zone() {
    #[cfg(feature = "hydrate")]
    LOCAL_ZONE.set(true);
}

/// Whether times may be written.
fn is_zone_known() -> bool {
    #[cfg(feature = "hydrate")]
    return LOCAL_ZONE.get();
    #[cfg(not(feature = "hydrate"))]
    true
}

/// `14:32:28` today, `20 Nov, 14:32` this year, `20 Nov 2025, 14:32` before.
pub fn local_time(at: Micros) -> String {
    if !is_zone_known() {
        return String::new();
    }
    let (then, today) = (zone::civil(at), zone::civil(zone::now()));
    match (then.year == today.year, then.month == today.month && then.day == today.day) {
        (true, true) => then.clock(),
        (true, false) => format!("{}, {}", then.day_and_month(), &then.clock()[..5]),
        (false, _) => format!("{} {}, {}", then.day_and_month(), then.year, &then.clock()[..5]),
    }
}

#[cfg(feature = "ssr")]
pub use zone::ReaderZone;
#[cfg(feature = "ssr")]
pub(crate) use zone::{day, instant, whose_zone, zone_name};

/// A timestamp in some zone. Months and days count from 1.
struct Civil {
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

impl Civil {
    fn clock(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    fn day_and_month(&self) -> String {
        const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        format!("{} {}", self.day, MONTHS[usize::from(self.month.clamp(1, 12)) - 1])
    }
}

/// The zone that the user chose, otherwise the server's.
#[cfg(feature = "ssr")]
mod zone {
    use std::ops::Range;

    use jiff::{Timestamp, Zoned, tz::TimeZone};
    use leptos::prelude::use_context;
    use model::Micros;

    use super::Civil;

    /// The zone that the user chose; a context of the page.
    #[derive(Clone, Debug)]
    pub struct ReaderZone(pub TimeZone);

    fn chosen() -> Option<TimeZone> {
        use_context::<ReaderZone>().map(|ReaderZone(zone)| zone)
    }

    fn reader() -> TimeZone {
        chosen().unwrap_or_else(TimeZone::system)
    }

    fn zoned(at: Micros) -> Zoned {
        Timestamp::from_microsecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(reader())
    }

    pub(super) fn now() -> Micros {
        Micros(Timestamp::now().as_microsecond())
    }

    pub(super) fn civil(at: Micros) -> Civil {
        let at = zoned(at);
        Civil {
            year: i32::from(at.year()),
            month: at.month().unsigned_abs(),
            day: at.day().unsigned_abs(),
            hour: at.hour().unsigned_abs(),
            minute: at.minute().unsigned_abs(),
            second: at.second().unsigned_abs(),
        }
    }

    /// Parses RFC 3339, or date and time in the reader's zone.
    pub(crate) fn instant(text: &str) -> Option<Micros> {
        let at = text.parse::<Timestamp>().ok().or_else(|| {
            let civil: jiff::civil::DateTime = text.parse().ok()?;
            Some(civil.to_zoned(reader()).ok()?.timestamp())
        })?;
        Some(Micros(at.as_microsecond()))
    }

    /// Returns the day of a date in the reader's zone, from its start to that of the next.
    pub(crate) fn day(text: &str) -> Option<Range<Micros>> {
        let date: jiff::civil::Date = text.parse().ok()?;
        let first = |date: jiff::civil::Date| Some(Micros(date.to_zoned(reader()).ok()?.timestamp().as_microsecond()));
        Some(first(date)?..first(date.tomorrow().ok()?)?)
    }

    /// The name of the reader's zone now: `CET`, `UTC+3`.
    pub(crate) fn zone_name() -> String {
        name(now())
    }

    /// With date and zone as browsers write them in British English: `Sat, 21 Nov 2026, 14:32:28 CET`, `21 Sept`. They
    /// know the abbreviations of Europe; elsewhere they write the offset.
    pub(super) fn full(at: Micros) -> String {
        let month = if civil(at).month == 9 { "Sept" } else { "%b" };
        let day = zoned(at).strftime(&format!("%a, %-d {month} %Y, %H:%M:%S")).to_string();
        format!("{day} {}", name(at))
    }

    /// `CET`, `UTC+3`, `UTC-3:30`.
    fn name(at: Micros) -> String {
        const KNOWN: [&str; 9] = ["UTC", "GMT", "BST", "WET", "WEST", "CET", "CEST", "EET", "EEST"];
        let at = zoned(at);
        let name = at.strftime("%Z").to_string();
        if KNOWN.contains(&name.as_str()) {
            return name;
        }
        let minutes = at.offset().seconds() / 60;
        let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
        match (minutes / 60, minutes % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
        }
    }

    /// The possessive before "time zone".
    pub(crate) fn whose_zone() -> &'static str {
        if chosen().is_some() { "your" } else { "the server's" }
    }

    /// RFC 3339 in UTC, for `datetime`.
    pub(super) fn iso(at: Micros) -> String {
        Timestamp::from_microsecond(at.0)
            .unwrap_or(Timestamp::UNIX_EPOCH)
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string()
    }
}

/// The zone in the document's `data-zone`, otherwise the browser's.
#[cfg(feature = "hydrate")]
mod zone {
    use js_sys::{Date, Object, Reflect};
    use leptos::prelude::document;
    use model::Micros;
    use wasm_bindgen::JsValue;

    use super::Civil;

    fn date(at: Micros) -> Date {
        Date::new(&(at.0 as f64 / 1e3).into())
    }

    fn chosen_zone() -> Option<String> {
        document().document_element()?.get_attribute("data-zone")
    }

    /// Formats a timestamp with `Intl.DateTimeFormat`. `None` for a zone that the browser does not know.
    fn format(at: Micros, language: &str, options: &[(&str, &str)]) -> Option<String> {
        let (object, zone) = (Object::new(), chosen_zone());
        let zone = zone.as_deref().map(|zone| ("timeZone", zone));
        for (name, value) in options.iter().copied().chain(zone) {
            Reflect::set(&object, &name.into(), &value.into()).ok()?;
        }
        // Called by name, because it throws for an unknown zone.
        let format = Reflect::get(&date(at), &JsValue::from("toLocaleString")).ok()?;
        let format: js_sys::Function = wasm_bindgen::JsCast::dyn_into(format).ok()?;
        format.call2(&date(at), &language.into(), &object).ok()?.as_string()
    }

    pub(super) fn now() -> Micros {
        Micros((Date::now() * 1e3) as i64)
    }

    pub(super) fn civil(at: Micros) -> Civil {
        chosen(at).unwrap_or_else(|| {
            let at = date(at);
            Civil {
                year: at.get_full_year() as i32,
                month: at.get_month() as u8 + 1,
                day: at.get_date() as u8,
                hour: at.get_hours() as u8,
                minute: at.get_minutes() as u8,
                second: at.get_seconds() as u8,
            }
        })
    }

    /// In Swedish, which is `2026-11-21 14:32:28`.
    fn chosen(at: Micros) -> Option<Civil> {
        chosen_zone()?;
        let text = format(at, "sv-SE", &[])?;
        let mut numbers = text.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u16>);
        let mut next = || numbers.next()?.ok();
        let year = i32::from(next()?);
        let mut next = || u8::try_from(next()?).ok();
        Some(Civil { year, month: next()?, day: next()?, hour: next()?, minute: next()?, second: next()? })
    }

    pub(super) fn iso(at: Micros) -> String {
        date(at).to_iso_string().into()
    }

    pub(super) fn full(at: Micros) -> String {
        let options = [
            ("weekday", "short"),
            ("day", "numeric"),
            ("month", "short"),
            ("year", "numeric"),
            ("hour", "2-digit"),
            ("minute", "2-digit"),
            ("second", "2-digit"),
            ("timeZoneName", "short"),
        ];
        let text = format(at, "en-GB", &options).unwrap_or_else(|| iso(at));
        let (day, name) = text.rsplit_once(' ').unwrap_or_default();
        match name.strip_prefix("GMT") {
            Some(offset) if !offset.is_empty() => day.to_owned() + " UTC" + offset,
            _ => text,
        }
    }
}

/// Rewrites every `<time>` under `root` in the reader's zone. Also those of islands: a lazy one is hydrated later, and
/// takes over the text as it is then.
pub fn localise(root: &web_sys::Element) {
    for time in all(root, "time[datetime]") {
        let millis = time.get_attribute("datetime").map_or(f64::NAN, |text| js_sys::Date::parse(&text));
        if millis.is_nan() {
            continue;
        }
        write_time(&time, Micros((millis * 1e3) as i64));
    }
}

/// Writes a timestamp into a `<time>` in the reader's zone: only the time of day if its class is `clock`.
pub fn write_time(time: &web_sys::Element, at: Micros) {
    set(time, "datetime", Some(&zone::iso(at)));
    if time.class_list().contains("clock") {
        return write(time, &zone::civil(at).clock());
    }
    let mut text = local_time(at);
    // That of a running job has no seconds.
    if text.len() == 8 && time.text_content().is_some_and(|shown| shown.len() == 5) {
        text.truncate(5);
    }
    write(time, &text);
    set(time, "title", Some(&zone::full(at)));
}

/// Keeps the text node, which may belong to a view.
fn write(time: &web_sys::Element, text: &str) {
    match time.first_child() {
        Some(node) => node.set_node_value(Some(text)),
        None => set_text(time, text),
    }
}
