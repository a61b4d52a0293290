//! Job log: grows while the job runs. The server draws every part that is requested; the browser appends new lines.

mod scroll;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use leptos::{prelude::*, task::spawn_local};
use model::{JobId, Level, LogEvent, LogLine};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, HtmlInputElement, HtmlSelectElement, MouseEvent, UrlSearchParams};

use self::scroll::Scroll;
use crate::{
    base_path::url,
    browser::{self, all, first, hide, lower_case, set, set_text},
    components::{jump_to_end, line_count, localise, write_line},
    live,
};

/// Number of appended lines after which the part is fetched from the server again.
const LIVE_LINES: usize = 2_000;
/// The pause in typing after which the filter is applied.
const PAUSE: Duration = Duration::from_millis(250);

/// Follows the log in the card with `data-log`; filters it and pages through it without leaving the page.
pub(super) fn start() {
    if let Some(log) = first(&document(), "[data-log]").and_then(Log::new) {
        Rc::new(log).wake();
    }
}

struct Log {
    job: JobId,
    card: Element,
    scroll: Rc<Scroll>,
    /// The lines drawn by the server, and those appended since.
    part: Element,
    text: HtmlInputElement,
    level: HtmlSelectElement,
    /// Lines in the whole log.
    total: Cell<u64>,
    /// The newest line that is shown, or was hidden by the filter.
    last: Cell<u64>,
    /// The part reaches the end of the log.
    at_end: Cell<bool>,
    /// Lines added while the end was not visible.
    unseen: Cell<u64>,
    /// Lines appended since the server drew the part.
    added: Cell<usize>,
    /// The filter of the shown lines.
    shown: RefCell<Filter>,
    /// Counts requests, so that only the response to the newest is shown.
    asked: Cell<u32>,
    /// Counts keystrokes, to wait for the last one.
    typed: Cell<u32>,
}

#[derive(Clone, Default)]
struct Filter {
    /// Lower case; empty for all lines.
    text: String,
    /// The lowest level shown.
    least: Option<Level>,
}

impl Filter {
    fn takes(&self, line: &LogLine) -> bool {
        self.least.is_none_or(|least| line.level >= least)
            && (self.text.is_empty() || lower_case(&line.text).contains(&self.text))
    }
}

impl Log {
    fn new(card: Element) -> Option<Self> {
        Some(Self {
            job: card.get_attribute("data-log")?.parse().ok()?,
            scroll: Rc::new(Scroll::new(first(&card, ".lines")?)),
            part: first(&card, "#log-part")?,
            text: first(&card, "[name=text]")?.dyn_into().ok()?,
            level: first(&card, "[name=level]")?.dyn_into().ok()?,
            card,
            total: Cell::default(),
            last: Cell::default(),
            at_end: Cell::default(),
            unseen: Cell::default(),
            added: Cell::default(),
            shown: RefCell::default(),
            asked: Cell::default(),
            typed: Cell::default(),
        })
    }

    /// Hydrates the card: reads what the server drew, and shows the line that the address names, or the end.
    fn wake(self: &Rc<Self>) {
        all(&self.card, "[data-wakes]").for_each(|tool| hide(&tool, !tool.has_attribute("hidden")));
        self.shown.replace(self.filter());
        self.read_part();
        let log = Rc::clone(self);
        live::on_log(self.job, move |event| log.add_lines(event));
        browser::on_with(&self.scroll.lines, "scroll", self, |log, _| log.scrolled());
        browser::on_with(&self.scroll.lines, "click", self, Self::clicked);
        browser::on_with(&self.text, "input", self, |log, _| log.apply_soon());
        browser::on_with(&self.level, "change", self, |log, _| log.apply());
        browser::on_with(&window(), "hashchange", self, |log, _| _ = log.show_named_line());
        self.on("form", "submit", Self::apply);
        self.on(".jump", "click", Self::jump);
        self.on("[data-log-does=follow]", "click", Self::follow);
        self.on("[data-log-does=wrap]", "click", Self::wrap);
        if self.show_named_line().is_none() && self.at_end.get() {
            self.follow_end();
        }
    }

    /// Replaces the default action of an element.
    fn on(self: &Rc<Self>, part: &str, event: &str, act: fn(&Rc<Self>)) {
        if let Some(part) = first(&self.card, part) {
            browser::on_with(&part, event, self, move |log, event| {
                event.prevent_default();
                act(log);
            });
        }
    }

    /// Reads how far the part drawn by the server reaches.
    fn read_part(&self) {
        let number = |name| self.part.get_attribute(name).and_then(|text| text.parse().ok()).unwrap_or(0);
        self.at_end.set(self.part.get_attribute("data-end").as_deref() == Some("true"));
        self.last.set(number("data-last"));
        self.total.set(number("data-total"));
        self.show();
    }

    /// Updates the controls around the lines.
    fn show(&self) {
        if let Some(badge) = first(&self.card, ".count-badge") {
            set_text(&badge, &line_count(self.total.get()));
        }
        if let Some(jump) = first(&self.card, ".jump") {
            hide(&jump, self.at_end.get() && self.unseen.get() == 0);
            if let Some(word) = first(&jump, "span") {
                set_text(&word, &jump_to_end(self.unseen.get()));
            }
        }
        if let Some(follow) = first(&self.card, "[data-log-does=follow]") {
            set(&follow, "aria-pressed", Some(if self.scroll.following.get() { "true" } else { "false" }));
        }
    }

    /// Appends new lines if the end is shown, otherwise counts them.
    fn add_lines(self: &Rc<Self>, event: &LogEvent) {
        let (last, known) = (self.last.get(), self.total.get());
        let end = event.first_line + event.lines.len() as u64 - 1;
        self.total.set(known.max(end));
        if !self.at_end.get() {
            self.unseen.set(self.unseen.get() + end.saturating_sub(known));
        } else if event.first_line > last + 1 || self.added.get() > LIVE_LINES {
            // Lines are missing, or there are too many. The end is not visible until the server has drawn it.
            self.at_end.set(false);
            if self.scroll.following.get() {
                self.load(self.address());
            }
        } else if end > last {
            self.last.set(end);
            self.append((event.first_line..).zip(&event.lines).filter(|(number, _)| *number > last));
        }
        self.show();
    }

    /// Appends the lines that pass the filter.
    fn append<'a>(&self, new: impl Iterator<Item = (u64, &'a LogLine)>) {
        let filter = self.shown.borrow();
        let before = self.added.get();
        for (number, line) in new.filter(|(_, line)| filter.takes(line)) {
            let Some(row) = browser::clone_template(&self.card) else { return };
            write_line(&row, self.job, number, line);
            // Fails only if the row is its own parent.
            let _ = self.part.append_child(&row);
            self.added.set(self.added.get() + 1);
        }
        if !self.scroll.following.get() {
            self.unseen.set(self.unseen.get() + (self.added.get() - before) as u64);
        }
        self.scroll.keep_end();
    }

    /// Reads the two fields of the filter.
    fn filter(&self) -> Filter {
        Filter { text: lower_case(self.text.value().trim()), least: Level::from_word(&self.level.value()) }
    }

    /// Returns the address of this log with the filter.
    fn address(&self) -> String {
        let mut address = format!("/jobs/{}?", self.job);
        if let Ok(query) = UrlSearchParams::new() {
            for (name, value) in [("text", self.text.value().trim()), ("level", &self.level.value())] {
                if !value.is_empty() {
                    query.append(name, value);
                }
            }
            address.push_str(&String::from(query.to_string()));
        }
        url(&address)
    }

    /// Applies the filter after a pause in typing.
    fn apply_soon(self: &Rc<Self>) {
        self.typed.set(self.typed.get() + 1);
        let typed = self.typed.get();
        let log = Rc::clone(self);
        let apply = move || {
            if log.typed.get() == typed {
                log.apply();
            }
        };
        set_timeout(apply, PAUSE);
    }

    /// Applies the filter, shows the end of the result, and updates the address.
    fn apply(self: &Rc<Self>) {
        let address = self.address();
        write_address(address.trim_end_matches('?'));
        self.load(address);
    }

    /// Scrolls to the end of the log.
    fn jump(self: &Rc<Self>) {
        if self.at_end.get() {
            self.follow_end();
        } else {
            self.load(self.address());
        }
    }

    fn follow_end(&self) {
        self.unseen.set(0);
        self.scroll.following.set(true);
        self.scroll.keep_end();
        self.show();
    }

    /// Starts or stops following the end.
    fn follow(self: &Rc<Self>) {
        if self.scroll.following.get() {
            self.let_go();
        } else {
            self.jump();
        }
    }

    fn let_go(&self) {
        self.scroll.following.set(false);
        self.show();
    }

    /// Turns the wrapping of long lines on or off.
    fn wrap(self: &Rc<Self>) {
        let unwrapped = self.scroll.lines.class_list().toggle("unwrapped").unwrap_or(false);
        if let Some(button) = first(&self.card, "[data-log-does=wrap]") {
            set(&button, "aria-pressed", Some(if unwrapped { "false" } else { "true" }));
        }
    }

    /// Shows the line that the address names after `#L`, with the lines around it.
    fn show_named_line(self: &Rc<Self>) -> Option<()> {
        let hash = window().location().hash().ok()?;
        let number: u64 = hash.strip_prefix("#L")?.parse().ok()?;
        self.let_go();
        // The line takes precedence over pending filters and requests.
        self.typed.set(self.typed.get() + 1);
        self.asked.set(self.asked.get() + 1);
        if document().get_element_by_id(&hash[1..]).is_none() {
            let log = Rc::clone(self);
            spawn_local(async move {
                let Some(fresh) = log.fetch(url(&format!("/jobs/{}?line={number}", log.job))).await else { return };
                // The line may not pass the filter.
                log.text.set_value("");
                log.level.set_value("");
                log.replace(&fresh);
                write_address(&url(&format!("/jobs/{}{hash}", log.job)));
                // Marks the line and scrolls it into view.
                let _ = window().location().replace(&hash);
            });
        }
        Some(())
    }

    /// Replaces the part by the one at `address`, and shows its end.
    fn load(self: &Rc<Self>, address: String) {
        let log = Rc::clone(self);
        spawn_local(async move {
            if let Some(fresh) = log.fetch(address).await {
                log.replace(&fresh);
                log.follow_end();
            }
        });
    }

    /// Fetches the part at `address`, unless another was requested since.
    async fn fetch(&self, address: String) -> Option<Element> {
        self.asked.set(self.asked.get() + 1);
        let asked = self.asked.get();
        let fresh = browser::fetch_page(&address).await?.get_element_by_id("log-part")?;
        (self.asked.get() == asked).then_some(fresh)
    }

    /// Replaces the whole part.
    fn replace(&self, fresh: &Element) {
        self.part.set_inner_html(&fresh.inner_html());
        localise(&self.part);
        self.added.set(0);
        self.unseen.set(0);
        self.shown.replace(self.filter());
        self.take_reach(fresh);
    }

    /// Reads how far `fresh` reaches.
    fn take_reach(&self, fresh: &Element) {
        for name in ["data-last", "data-end", "data-total"] {
            set(&self.part, name, fresh.get_attribute(name).as_deref());
        }
        self.read_part();
    }

    /// Follows when the user scrolls to the end, and fetches more lines at the top and at the end.
    fn scrolled(self: &Rc<Self>) {
        let (top, end) = self.scroll.moved();
        if end && self.at_end.get() {
            self.unseen.set(0);
        }
        self.show();
        let link = if top { ".older:not(.newer)[href]" } else { ".newer[href]" };
        if (top || end)
            && let Some(link) = first(&self.part, link)
        {
            self.extend(link);
        }
    }

    /// A click on a line number stops following; one on a link to more lines fetches them.
    fn clicked(self: &Rc<Self>, event: &Event) {
        let plain = event
            .dyn_ref::<MouseEvent>()
            .is_some_and(|click| !(click.ctrl_key() || click.meta_key() || click.shift_key()));
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok()).filter(|_| plain);
        let Some(link) = target.and_then(|target| target.closest("a").ok().flatten()) else { return };
        event.prevent_default();
        if link.class_list().contains("n") {
            let href = link.get_attribute("href").unwrap_or_default();
            // Fails only for a page without an address.
            let _ = window().location().set_hash(href.rsplit('#').next().unwrap_or_default());
        } else {
            self.extend(link);
        }
    }

    /// Replaces `link` by the lines it leads to. The visible lines keep their position.
    fn extend(self: &Rc<Self>, link: Element) {
        let Some(href) = link.get_attribute("href") else { return };
        let newer = link.class_list().contains("newer");
        // Removed first, so that it is followed only once.
        set(&link, "href", None);
        let log = Rc::clone(self);
        spawn_local(async move {
            let Some(fresh) = log.fetch(href.clone()).await else { return set(&link, "href", Some(&href)) };
            if let Some(twin) = first(&fresh, if newer { ".older:not(.newer)" } else { ".newer" }) {
                twin.remove();
            }
            let height = log.scroll.height();
            link.set_outer_html(&fresh.inner_html());
            localise(&log.part);
            if newer {
                log.take_reach(&fresh);
            } else {
                log.scroll.down_by(log.scroll.height() - height);
            }
        });
    }
}

/// Replaces the address of the page.
fn write_address(address: &str) {
    if let Ok(history) = window().history() {
        // Fails only after hundreds of calls a minute; then the address is outdated.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}
