//! The one `EventSource` of the page: opened when an island asks for something, kept open, reopened where it left off.
//!
//! The browser's own reconnecting is not used: it gives up on any status but 200, and does not notice a connection
//! that is dead without having been closed. So every stream that ends is closed here and a new one is opened.

use std::{cell::RefCell, time::Duration};

use js_sys::{Date, Math};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use model::{Bye, ByeReason, Cursor, Heartbeat, Hello, Micros, StreamEvent, StreamId};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent, XmlHttpRequest};

use super::{Link, board::Board, json::Json, retry::Retry, topics, wire};
use crate::base::at;

/// Events that are listened for. `end` is not among them: it is for scripts.
const NAMES: [&str; 9] = ["hello", "snapshot", "progress", "state", "log", "gate", "message", "heartbeat", "bye"];
/// A stream that has not said hello after this is given up, milliseconds.
const PATIENCE: f64 = 10_000.0;
/// A page that nobody has looked at for this long gives up its stream, milliseconds: browsers open only six
/// connections to one server, for all tabs together.
const HIDDEN: f64 = 2_000.0;

#[derive(Default)]
struct Page {
    board: Board,
    /// Set once the page listens to the window.
    begun: bool,
    sync_planned: bool,
    open: Option<Open>,
    /// What runs out before the next try.
    waiting: Option<TimeoutHandle>,
    retry: Retry,
    /// The page has left, or the server said that nothing will come any more.
    over: bool,
    hidden_since: Option<f64>,
    status: Link,
    /// The server's clock minus the browser's, microseconds, and when it was read on the browser's, milliseconds.
    skew: Option<i64>,
    heard: Option<f64>,
    clock: ArcRwSignal<Micros>,
    link: ArcRwSignal<(Link, Option<Micros>)>,
    newer_build: ArcRwSignal<bool>,
}

/// A stream that has been opened.
struct Open {
    source: EventSource,
    since: f64,
    /// What it has been asked to show.
    asked: Vec<String>,
    /// Its name and how long it may be silent, milliseconds, once it has said hello.
    hello: Option<(StreamId, f64)>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
    static ON_FRAME: Closure<dyn Fn(MessageEvent)> = Closure::new(on_frame);
    static ON_ERROR: Closure<dyn Fn(Event)> = Closure::new(|_| on_error());
}

fn page<T>(with: impl FnOnce(&mut Page) -> T) -> T {
    PAGE.with_borrow_mut(with)
}

/// Asks the board; what follows from it for the stream is done when all islands have asked.
pub(super) fn ask<T>(question: impl FnOnce(&mut Board) -> T) -> T {
    let (answer, plan) = page(|page| (question(&mut page.board), !std::mem::replace(&mut page.sync_planned, true)));
    if plan {
        set_timeout(sync, Duration::ZERO);
    }
    answer
}

/// The clock, begun with the document's `data-now`, by which the page was rendered.
pub(super) fn clock() -> ArcRwSignal<Micros> {
    begin();
    page(|page| page.clock.clone())
}

pub(super) fn link() -> ArcRwSignal<(Link, Option<Micros>)> {
    begin();
    page(|page| page.link.clone())
}

pub(super) fn newer_build() -> ArcRwSignal<bool> {
    begin();
    page(|page| page.newer_build.clone())
}

/// What the document says of itself.
fn said(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// Listens to the window, once.
fn begin() {
    if page(|page| std::mem::replace(&mut page.begun, true)) {
        return;
    }
    if let Some(at) = said("data-now").and_then(|now| now.parse().ok()).map(Micros) {
        set_clock(at);
        page(|page| page.clock.set(at));
    }
    page(|page| page.board.cursor = said("data-cursor").and_then(|cursor| cursor.parse::<Cursor>().ok()));
    if document().hidden() {
        page(|page| page.hidden_since = Some(Date::now()));
    }
    set_interval(tick, Duration::from_secs(1));
    let on = |name: &str, act: fn()| drop(window_event_listener_untyped(name, move |_| act()));
    on("online", try_now);
    on("offline", || {
        // A server on this machine needs no network.
        send("GET", &at("/events/poll"), None, |status| {
            if status == 0 {
                on_error();
            }
        });
    });
    on("pagehide", || {
        page(|page| page.over = true);
        close();
    });
    on("pageshow", || {
        page(|page| page.over = false);
        try_now();
    });
    // Bubbles up from the document.
    on("visibilitychange", || {
        let hidden = document().hidden();
        page(|page| page.hidden_since = hidden.then(Date::now));
        if !hidden {
            try_now();
        }
    });
}

/// Brings the stream in line with what the page shows.
fn sync() {
    begin();
    let change = page(|page| {
        page.sync_planned = false;
        let wanted = page.board.uses.topics();
        let Some(open) = &mut page.open else { return None };
        let (id, _) = open.hello.as_ref()?;
        let body = topics::change(&open.asked, &wanted)?;
        let url = at(&format!("/events/{}", id.0));
        open.asked = wanted;
        Some((url, body))
    });
    match change {
        // The server no longer knows this stream, or cannot be reached.
        Some((url, body)) => send("POST", &url, Some(&body), |status| {
            if status != 204 {
                on_error();
            }
        }),
        None => open(),
    }
}

/// Opens a stream, unless there is one, or a reason to wait.
fn open() {
    let opened = page(|page| {
        if page.open.is_some() || page.waiting.is_some() || page.over || page.status.rests() {
            return None;
        }
        let asked = page.board.uses.topics();
        let url = at(&format!("/events?{}", topics::query(&asked, page.board.cursor.as_ref())));
        let source = EventSource::new(&url).ok()?;
        page.open = Some(Open { source: source.clone(), since: Date::now(), asked, hello: None });
        Some(source)
    });
    let Some(source) = opened else { return };
    for name in NAMES {
        // Fails only for a closure that is none.
        ON_FRAME.with(|on| drop(source.add_event_listener_with_callback(name, on.as_ref().unchecked_ref())));
    }
    ON_ERROR.with(|on| source.set_onerror(Some(on.as_ref().unchecked_ref())));
}

/// Closes the stream and forgets any plan to open another.
fn close() {
    page(|page| {
        if let Some(waiting) = page.waiting.take() {
            waiting.clear();
        }
        if let Some(open) = page.open.take() {
            open.source.close();
            page.retry.lived(if open.hello.is_some() { Date::now() - open.since } else { 0.0 });
        }
    });
    mark(false);
}

/// Closes the stream and tries again after `wait`: by asking first whether there is any use in it, if `probing`.
fn try_after(wait: Duration, probing: bool) {
    close();
    show(if window().navigator().on_line() { Link::Reconnecting } else { Link::Offline });
    let again = move || {
        page(|page| page.waiting = None);
        if probing { probe() } else { open() }
    };
    let waiting = set_timeout_with_handle(again, wait).ok();
    page(|page| page.waiting = waiting);
}

/// There is new hope: the network is back, or somebody looks.
fn try_now() {
    let idle = page(|page| {
        if page.status.rests() {
            page.status = Link::Reconnecting;
        }
        page.open.is_none() && page.begun && page.board.uses.is_any()
    });
    if idle {
        close();
        open();
    }
}

fn on_error() {
    if page(|page| page.open.is_some()) {
        close();
        fail();
    }
}

fn fail() {
    let wait = page(|page| page.retry.next(Math::random()));
    try_after(wait, true);
}

/// Asks why the stream closed, which `EventSource` does not tell.
fn probe() {
    let cursor = page(|page| page.board.cursor.clone());
    let query = topics::query(&[], cursor.as_ref());
    send("GET", &at(&format!("/events/poll?{query}")), None, |status| match status {
        200 => open(),
        204 => page(|page| page.over = true),
        401 | 403 => show(Link::SignedOut),
        400 => {
            page(|page| page.board.cursor = None);
            open();
        }
        _ => fail(),
    });
}

fn on_frame(frame: MessageEvent) {
    let heard = Date::now();
    page(|page| page.heard = Some(heard));
    let (name, data) = (frame.type_(), frame.data().as_string().unwrap_or_default());
    let Some(event) = Json::parse(&data).and_then(|json| wire::event(&name, &json)) else { return };
    match event {
        StreamEvent::Hello(hello) => on_hello(hello),
        StreamEvent::Heartbeat(Heartbeat { at }) => set_clock(at),
        StreamEvent::Bye(Bye { reason: ByeReason::Revoked, .. }) => try_after(Duration::ZERO, true),
        StreamEvent::Bye(Bye { retry_ms, .. }) => try_after(Duration::from_millis(retry_ms), false),
        event => {
            // Progress and partial snapshots have no id; the browser then repeats the last one.
            let cursor = match event {
                StreamEvent::Progress(_) => None,
                _ => frame.last_event_id().parse().ok(),
            };
            let calls = page(|page| page.board.hear(event, cursor));
            for call in calls {
                call();
            }
        }
    }
}

fn on_hello(hello: Hello) {
    if said("data-build").is_some_and(|build| build != hello.build) {
        page(|page| page.newer_build.clone()).set(true);
    }
    page(|page| {
        if let Some(open) = &mut page.open {
            open.hello = Some((hello.stream, hello.heartbeat_ms as f64));
        }
    });
    set_clock(hello.at);
    show(Link::Live);
    mark(true);
    sync();
}

fn set_clock(at: Micros) {
    page(|page| page.skew = Some(at.0 - (Date::now() * 1_000.0) as i64));
}

/// Once a second: moves the clock, and looks whether the stream is still alive and still wanted.
fn tick() {
    let now = Date::now();
    let (dead, unwatched) = page(|page| {
        let server_time = |at: f64| Micros((at * 1_000.0) as i64 + page.skew.unwrap_or(0));
        page.clock.set(server_time(now));
        page.link.set((page.status, page.heard.map(server_time)));
        let dead = page.open.as_ref().is_some_and(|open| match open.hello {
            Some((_, heartbeat)) => now - page.heard.unwrap_or(open.since) > 3.0 * heartbeat,
            None => now - open.since > PATIENCE,
        });
        (dead, page.hidden_since.is_some_and(|since| now - since >= HIDDEN) && !page.status.rests())
    });
    if unwatched {
        close();
        show(Link::Paused);
    } else if dead {
        on_error();
    }
}

fn show(status: Link) {
    page(|page| {
        page.status = status;
        page.link.update(|link| link.0 = status);
    });
}

/// Says on the document whether the page is live.
fn mark(live: bool) {
    if let Some(root) = document().document_element() {
        // Fails only for a name that is none.
        drop(root.set_attribute("data-live", if live { "on" } else { "off" }));
    }
}

/// Sends a request and hands over the status; 0 where there was no answer.
fn send(method: &str, url: &str, body: Option<&str>, answered: impl FnOnce(u16) + 'static) {
    let request = XmlHttpRequest::new().and_then(|request| {
        request.open(method, url)?;
        request.set_request_header("content-type", "application/json")?;
        Ok::<_, JsValue>(request)
    });
    let Ok(request) = request else { return answered(0) };
    let asked = request.clone();
    let done = Closure::once_into_js(move || answered(asked.status().unwrap_or(0)));
    request.set_onloadend(Some(done.unchecked_ref()));
    // A failure to send ends in `loadend` as well.
    drop(request.send_with_opt_str(body));
}
