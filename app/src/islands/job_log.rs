//! The log as it grows. The server draws every part that is asked for; the browser adds what comes live.

mod scroll;

use std::time::Duration;

use leptos::{ev, html, prelude::*, task::spawn_local};
use model::{JobId, JobView, Level, LogEvent, LogLine, count};
use wasm_bindgen::JsCast;
use web_sys::Element;

use self::scroll::Scroll;
use crate::{
    browser, live,
    ui::{Icon, LogRow, localise},
};

/// Live lines kept in the page before it is taken from the server anew.
const LIVE_LINES: usize = 2_000;
/// A person who types has finished a word.
const PAUSE: Duration = Duration::from_millis(250);

/// The card of the log. Without script its filter and its links load the page with another part.
#[island]
pub fn JobLog(
    /// The job as the page shows it.
    job: JobView,
    /// Only lines that contain this are shown.
    text: String,
    /// Only lines this grave or graver are shown.
    level: Option<Level>,
    /// Lines in the whole log.
    total: u64,
    /// Whether the part shown reaches its end.
    at_end: bool,
    /// The part of it that the address asks for.
    children: Children,
) -> impl IntoView {
    let log = Log::new(live::job(job, true).read_untracked().job, (text.clone(), level), total, at_end);
    live::on_log(log.job, move |event| log.hear(event));
    Effect::new(move || log.wake());
    let address = format!("/jobs/{}", log.job);
    view! {
        <section class="card log" id="log" aria-label="Log">
            <form
                class="log-tools"
                method="get"
                action=format!("{address}#log")
                on:submit=move |event| {
                    event.prevent_default();
                    log.filter();
                }
            >
                <Tools log text level address=address.clone() />
            </form>
            <div
                class="lines"
                class:unwrapped=move || !log.wrap.get()
                role="log"
                aria-label="Log lines"
                aria-live="off"
                tabindex="0"
                node_ref=log.scroll.lines
                on:scroll=move |_| log.scrolled()
                on:click=move |event| log.clicked(&event)
            >
                {children()}
                <For each=move || log.live.get() key=|(number, _)| *number let((number, line))>
                    <LogRow job=log.job number line />
                </For>
            </div>
            <a
                class="button small jump"
                href=format!("{address}#log")
                hidden=move || log.at_end.get() && log.unseen.get() == 0
                on:click=move |event| {
                    event.prevent_default();
                    log.jump();
                }
            >
                <Icon name="end" />
                {move || match log.unseen.get() {
                    0 => "Jump to the end".to_owned(),
                    new => format!("Jump to the end, {} new", count(new)),
                }}
            </a>
        </section>
    }
}

/// The heading, the filter, and what can be done with the log.
#[component]
fn Tools(log: Log, text: String, level: Option<Level>, address: String) -> impl IntoView {
    let choice = move |value: &'static str, word: &'static str| {
        view! {
            <option value=value selected=level.map_or("", Level::as_str) == value>
                {word}
            </option>
        }
    };
    view! {
        <h2>"Log"</h2>
        <span class="count-badge">{move || format!("{} lines", count(log.total.get()))}</span>
        <input
            class="input"
            type="search"
            name="text"
            value=text
            aria-label="Filter log lines"
            placeholder="Filter lines"
            node_ref=log.text
            on:input=move |_| log.filter_soon()
        />
        <select
            class="input"
            name="level"
            aria-label="Lowest level shown"
            node_ref=log.level
            on:change=move |_| log.filter()
        >
            {choice("", "All levels")}
            {choice("info", "Without debug")}
            {choice("warn", "Warnings and errors")}
            {choice("error", "Errors")}
        </select>
        <button class="button small" type="submit" hidden=move || log.awake.get()>
            "Filter"
        </button>
        <div class="actions">
            <button
                class="button small"
                type="button"
                hidden=move || !log.awake.get()
                aria-pressed=move || log.scroll.following.get().to_string()
                on:click=move |_| log.follow()
            >
                <Icon name="end" />
                "Follow"
            </button>
            <button
                class="button square quiet small"
                type="button"
                hidden=move || !log.awake.get()
                aria-label="Wrap long lines"
                title="Wrap long lines"
                aria-pressed=move || log.wrap.get().to_string()
                on:click=move |_| log.wrap.update(|wrap| *wrap = !*wrap)
            >
                <Icon name="wrap" />
            </button>
            <a
                class="button square quiet small"
                href=format!("{address}/log")
                download=""
                aria-label="Download the whole log"
                title="Download the whole log"
            >
                <Icon name="download" />
            </a>
        </div>
    }
}

/// The state of the card.
#[derive(Clone, Copy)]
struct Log {
    job: JobId,
    /// Script works.
    awake: RwSignal<bool>,
    /// Lines in the whole log.
    total: RwSignal<u64>,
    /// Lines heard since the server drew its part, which they follow.
    live: RwSignal<Vec<(u64, LogLine)>>,
    /// The newest line that is shown, or was left out by the filter.
    last: StoredValue<u64>,
    /// What is shown reaches the end of the log.
    at_end: RwSignal<bool>,
    /// Lines that came while the end was out of sight.
    unseen: RwSignal<u64>,
    wrap: RwSignal<bool>,
    scroll: Scroll,
    text: NodeRef<html::Input>,
    level: NodeRef<html::Select>,
    /// What of the filter the lines shown obey.
    shown: StoredValue<(String, Option<Level>)>,
    /// Counts requests, so that only the newest one's answer is shown.
    asked: StoredValue<u64>,
    /// Counts keys, to wait for the last one.
    typed: StoredValue<u64>,
}

impl Log {
    fn new(job: JobId, filter: (String, Option<Level>), total: u64, at_end: bool) -> Self {
        Self {
            job,
            awake: RwSignal::new(false),
            total: RwSignal::new(total),
            live: RwSignal::new(Vec::new()),
            last: StoredValue::new(total),
            at_end: RwSignal::new(at_end),
            unseen: RwSignal::new(0),
            wrap: RwSignal::new(true),
            scroll: Scroll::new(),
            text: NodeRef::new(),
            level: NodeRef::new(),
            shown: StoredValue::new(filter),
            asked: StoredValue::new(0),
            typed: StoredValue::new(0),
        }
    }

    /// Takes over from the server: reads what it drew, goes to the line that the address names, or to the end.
    fn wake(self) {
        self.awake.set(true);
        self.read_part();
        let hash = window().location().hash().unwrap_or_default();
        match hash.strip_prefix("#L").and_then(|number| number.parse().ok()) {
            Some(number) => self.show_line(number),
            None if self.at_end.get_untracked() => self.scroll.to_end(),
            None => {}
        }
    }

    /// How far the part drawn by the server reaches.
    fn read_part(self) {
        let Some(part) = document().get_element_by_id("log-part") else { return };
        let number = |name: &str| part.get_attribute(name).and_then(|text| text.parse().ok());
        self.at_end.set(part.get_attribute("data-end").as_deref() == Some("true"));
        self.last.set_value(number("data-last").unwrap_or(0));
        self.total.set(number("data-total").unwrap_or(0));
    }

    /// New lines: shown behind the others while the end is shown, else counted.
    fn hear(self, event: &LogEvent) {
        let (last, known) = (self.last.get_value(), self.total.get_untracked());
        let end = event.first_line + event.lines.len() as u64 - 1;
        if end > known {
            self.total.set(end);
        }
        if !self.at_end.get_untracked() {
            self.unseen.update(|unseen| *unseen += end.saturating_sub(known));
        } else if event.first_line > last + 1 || self.live.read_untracked().len() > LIVE_LINES {
            // Lines are missing, or too many are here. Until the server has drawn the end anew, it is out of sight.
            self.at_end.set(false);
            if self.scroll.following.get_untracked() {
                self.load(self.address());
            }
        } else if end > last {
            self.append(event, last, end);
        }
    }

    /// Adds those of the lines after `last` that the filter lets through.
    fn append(self, event: &LogEvent, last: u64, end: u64) {
        let (text, level) = self.shown.get_value();
        let text = text.to_lowercase();
        let fits = |line: &LogLine| {
            level.is_none_or(|level| line.level >= level)
                && (text.is_empty() || line.text.to_lowercase().contains(&text))
        };
        let numbered = (event.first_line..).zip(&event.lines);
        let new: Vec<_> = numbered
            .filter(|(number, line)| *number > last && fits(line))
            .map(|(number, line)| (number, line.clone()))
            .collect();
        self.last.set_value(end);
        if new.is_empty() {
            return;
        }
        if !self.scroll.following.get_untracked() {
            self.unseen.update(|unseen| *unseen += new.len() as u64);
        }
        self.live.write().extend(new);
        self.scroll.keep_end();
    }

    /// The address of this log with the filter as it stands.
    fn address(self) -> String {
        let mut address = format!("/jobs/{}", self.job);
        let (text, level) = self.typed_filter();
        let filter = [("text", text), ("level", level)];
        let mut sign = '?';
        for (name, value) in filter.iter().filter(|(_, value)| !value.is_empty()) {
            address.push(sign);
            address.push_str(name);
            address.push('=');
            address.push_str(&String::from(js_sys::encode_uri_component(value)));
            sign = '&';
        }
        address
    }

    /// What stands in the filter's two fields.
    fn typed_filter(self) -> (String, String) {
        let text = self.text.get_untracked().map(|input| input.value().trim().to_owned());
        let level = self.level.get_untracked().map(|select| select.value());
        (text.unwrap_or_default(), level.unwrap_or_default())
    }

    /// Filters once the person has paused.
    fn filter_soon(self) {
        self.typed.update_value(|typed| *typed += 1);
        let typed = self.typed.get_value();
        set_timeout(
            move || {
                if self.typed.get_value() == typed {
                    self.filter();
                }
            },
            PAUSE,
        );
    }

    /// Shows the end of what the filter leaves, and puts the filter into the address.
    fn filter(self) {
        let address = self.address();
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
        }
        self.load(address);
    }

    /// Shows the end of the log.
    fn jump(self) {
        if self.at_end.get_untracked() {
            self.unseen.set(0);
            self.scroll.to_end();
        } else {
            self.load(self.address());
        }
    }

    /// Follows the end, or lets it go.
    fn follow(self) {
        if self.scroll.following.get_untracked() {
            self.scroll.following.set(false);
        } else {
            self.jump();
        }
    }

    /// Shows line `number`, with what stands around it.
    fn show_line(self, number: u64) {
        self.scroll.following.set(false);
        let go = move || {
            let _ = window().location().replace(&format!("#L{number}"));
        };
        if document().get_element_by_id(&format!("L{number}")).is_some() {
            return go();
        }
        spawn_local(async move {
            if self.fetch(format!("/jobs/{}?line={number}", self.job)).await.is_some_and(|fresh| self.replace(&fresh)) {
                go();
            }
        });
    }

    /// Shows the part at `address` instead of this one, from its end.
    fn load(self, address: String) {
        spawn_local(async move {
            if self.fetch(address).await.is_some_and(|fresh| self.replace(&fresh)) {
                self.scroll.to_end();
            }
        });
    }

    /// The part of the log at `address`, unless another has been asked for meanwhile.
    async fn fetch(self, address: String) -> Option<Element> {
        self.asked.update_value(|asked| *asked += 1);
        let asked = self.asked.get_value();
        let fresh = browser::page(&address).await?.get_element_by_id("log-part")?;
        (self.asked.get_value() == asked).then_some(fresh)
    }

    /// Puts a part drawn by the server in place of everything shown.
    fn replace(self, fresh: &Element) -> bool {
        let Some(part) = document().get_element_by_id("log-part") else { return false };
        part.set_inner_html(&fresh.inner_html());
        for name in ["data-last", "data-end", "data-total"] {
            let _ = part.set_attribute(name, &fresh.get_attribute(name).unwrap_or_default());
        }
        localise(&part);
        self.live.write().clear();
        self.unseen.set(0);
        self.read_part();
        let (text, level) = self.typed_filter();
        let level = [Level::Info, Level::Warn, Level::Error].into_iter().find(|known| known.as_str() == level);
        self.shown.set_value((text, level));
        true
    }

    /// Follows when the end is reached by hand, and fetches what lies before the top.
    fn scrolled(self) {
        let (top, end) = self.scroll.moved();
        if end && self.at_end.get_untracked() {
            self.unseen.set(0);
        }
        let link = if top { ".older:not(.newer)[href]" } else { ".newer" };
        if (top || end)
            && let Some(lines) = self.scroll.lines.get_untracked()
            && let Ok(Some(link)) = lines.query_selector(link)
        {
            self.extend(&link);
        }
    }

    /// A click on a line's number or on a link to more lines.
    fn clicked(self, event: &ev::MouseEvent) {
        let plain = !(event.ctrl_key() || event.meta_key() || event.shift_key());
        let link = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        let Some(link) = link.and_then(|link| link.closest("a").ok().flatten()).filter(|_| plain) else { return };
        event.prevent_default();
        if link.class_list().contains("n") {
            self.scroll.following.set(false);
            let _ = window()
                .location()
                .set_hash(link.get_attribute("href").unwrap_or_default().rsplit('#').next().unwrap_or_default());
        } else {
            self.extend(&link);
        }
    }

    /// Puts the lines that `link` leads to in its place. What is in view stays where it is.
    fn extend(self, link: &Element) {
        let Some(href) = link.get_attribute("href") else { return };
        let newer = link.class_list().contains("newer");
        // Taken away at once, so that it is followed only once.
        let _ = link.remove_attribute("href");
        let link = link.clone();
        spawn_local(async move {
            let Some(fresh) = self.fetch(href.clone()).await else {
                let _ = link.set_attribute("href", &href);
                return;
            };
            let twin = if newer { ".older:not(.newer)" } else { ".newer" };
            if let Ok(Some(twin)) = fresh.query_selector(twin) {
                twin.remove();
            }
            let height = self.scroll.height();
            link.set_outer_html(&fresh.inner_html());
            if let Some(part) = document().get_element_by_id("log-part") {
                localise(&part);
                if newer {
                    for name in ["data-last", "data-end", "data-total"] {
                        let _ = part.set_attribute(name, &fresh.get_attribute(name).unwrap_or_default());
                    }
                    self.read_part();
                } else {
                    self.scroll.down_by(self.scroll.height() - height);
                }
            }
        });
    }
}
