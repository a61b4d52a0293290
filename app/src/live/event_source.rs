//! Event source: carries out what [`super::connection`] and [`super::tab_leader`] decide, and reports what happens to
//! them.

use std::{cell::RefCell, time::Duration};

use js_sys::{Date, Math};
use leptos::{
    leptos_dom::helpers::TimeoutHandle,
    prelude::*,
    serde_json::{RawJson, from_str},
};
use model::{Bye, ByeReason, Cursor, Heartbeat, Hello, Micros, StreamEvent};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

use super::{
    ConnectionState,
    connection::{self, Connection},
    decode,
    job_store::JobStore,
    request::{Request, send},
    subscriptions, tab_channel,
    tab_leader::{self, SharedStream, SseFrame},
};
use crate::base_path::url;

/// The events to listen for. `end` is for scripts only.
const NAMES: [&str; 10] =
    ["hello", "snapshot", "progress", "state", "log", "gate", "schedule", "message", "heartbeat", "bye"];

struct Page {
    store: JobStore,
    /// Set once the page listens to the window.
    begun: bool,
    sync_planned: bool,
    /// The page was left, and may be restored.
    left: bool,
    shared: SharedStream,
    /// The connection, if this tab leads.
    connection: Connection,
    source: Option<EventSource>,
    /// The stream's id at the server.
    stream: Option<String>,
    /// Replaces the stream.
    poll: Option<Request>,
    /// Fetches what this tab missed of the leader's stream.
    catch_up: Option<Request>,
    /// Changes the topics of the stream.
    change: Option<Request>,
    /// Checks whether there is a network.
    check: Option<Request>,
    timer: Option<TimeoutHandle>,
    /// The leader's connection state, and when it last heard from the server.
    leader_state: (ConnectionState, Option<f64>),
    /// The server's clock minus the browser's, microseconds.
    skew: i64,
    clock: ArcRwSignal<Micros>,
    link: ArcRwSignal<(ConnectionState, Option<Micros>)>,
    newer_build: ArcRwSignal<bool>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::new(Page::new());
    static ON_FRAME: Closure<dyn Fn(MessageEvent)> = Closure::new(on_frame);
    static ON_STATE: Closure<dyn Fn(Event)> = Closure::new(|event: Event| on_state(&event));
}

impl Page {
    fn new() -> Self {
        let tab = (Math::random() * f64::from(u32::MAX)) as u32;
        Self {
            store: JobStore::default(),
            begun: false,
            sync_planned: false,
            left: false,
            shared: SharedStream::new(tab),
            connection: Connection::default(),
            source: None,
            stream: None,
            poll: None,
            catch_up: None,
            change: None,
            check: None,
            timer: None,
            leader_state: (ConnectionState::Connecting, None),
            skew: 0,
            clock: ArcRwSignal::default(),
            link: ArcRwSignal::default(),
            newer_build: ArcRwSignal::default(),
        }
    }

    /// The connection state, and when the server was last heard from.
    fn connection_state(&self) -> (ConnectionState, Option<Micros>) {
        let (link, heard) =
            if self.shared.leads() { (self.connection.link, self.connection.last_heard) } else { self.leader_state };
        (link, heard.map(|heard| self.server_time(heard)))
    }

    /// Converts the browser's clock, milliseconds, to the server's.
    fn server_time(&self, at: f64) -> Micros {
        Micros((at * 1_000.0) as i64 + self.skew)
    }
}

fn page<T>(with: impl FnOnce(&mut Page) -> T) -> T {
    PAGE.with_borrow_mut(with)
}

/// Calls the job store; the topics are updated after all islands have called.
pub(super) fn with_store<T>(question: impl FnOnce(&mut JobStore) -> T) -> T {
    let (answer, plan) = page(|page| (question(&mut page.store), !std::mem::replace(&mut page.sync_planned, true)));
    if plan {
        set_timeout(sync, Duration::ZERO);
    }
    answer
}

/// The server's clock, starting with the document's `data-now`.
pub(super) fn clock() -> ArcRwSignal<Micros> {
    begin();
    page(|page| page.clock.clone())
}

pub(super) fn connection_state() -> ArcRwSignal<(ConnectionState, Option<Micros>)> {
    begin();
    page(|page| page.link.clone())
}

pub(super) fn newer_build() -> ArcRwSignal<bool> {
    begin();
    page(|page| page.newer_build.clone())
}

/// An attribute of the document.
fn document_attribute(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// Adds the listeners of the window, once.
fn begin() {
    if page(|page| std::mem::replace(&mut page.begun, true)) {
        return;
    }
    if let Some(at) = document_attribute("data-now").and_then(|now| now.parse().ok()).map(Micros) {
        set_clock(at);
        page(|page| page.clock.set(at));
    }
    page(|page| page.store.cursor = document_attribute("data-cursor").and_then(|cursor| cursor.parse::<Cursor>().ok()));
    visibility_changed();
    set_interval(tick, Duration::from_secs(1));
    let on = |name: &str, act: fn()| drop(window_event_listener_untyped(name, move |_| act()));
    on("online", || handle(connection::Event::Network(true)));
    on("offline", || {
        handle(connection::Event::Network(false));
        check();
    });
    on("pagehide", leave);
    on("pageshow", enter);
    // Bubbles up from the document.
    on("visibilitychange", visibility_changed);
    // These do not.
    for name in ["freeze", "resume"] {
        ON_STATE.with(|on| drop(document().add_event_listener_with_callback(name, on.as_ref().unchecked_ref())));
    }
}

/// Called once a second: updates the clock and the age of the data.
fn tick() {
    handle(connection::Event::Tick);
    page(|page| {
        page.clock.set(page.server_time(Date::now()));
        page.link.set(page.connection_state());
    });
}

fn visibility_changed() {
    handle(connection::Event::Visible(!document().hidden()));
}

/// A page that is left or frozen releases what other tabs wait for, and what would keep it out of the browser's page
/// cache.
fn leave() {
    page(|page| {
        page.left = true;
        (page.catch_up, page.change, page.check) = (None, None, None);
    });
    carry_out(page(|page| page.shared.leave()));
    tab_channel::exit();
}

fn enter() {
    page(|page| page.left = false);
    sync();
}

/// Updates the topics of the stream.
fn sync() {
    begin();
    let now = Date::now();
    let effects = page(|page| {
        page.sync_planned = false;
        let wanted = page.store.interests.topics();
        if page.left || wanted.is_empty() && !page.shared.is_in() {
            return Vec::new();
        }
        let mut effects = page.shared.set_topics(wanted, now);
        if !page.shared.is_in() {
            // Tabs of another user, session or build use another channel.
            let names =
                ["data-base", "data-who", "data-build"].map(|name| document_attribute(name).unwrap_or_default());
            let election = tab_channel::enter(format!("milepost {}", names.join(" ")));
            effects.append(&mut page.shared.join(election, page.store.cursor.as_ref(), now));
        }
        effects
    });
    carry_out(effects);
    show();
}

/// Passes an event to the connection, and carries out what it decides.
fn handle(event: connection::Event) {
    let now = Date::now();
    let (effects, leader_state) = page(|page| {
        let effects = page.connection.handle(event, now, Math::random());
        let (link, heard) = (page.connection.link, page.connection.last_heard);
        (effects, page.shared.connection_changed(link, heard, page.store.cursor.as_ref(), now))
    });
    for act in effects {
        match act {
            connection::Effect::Open => open(),
            connection::Effect::Poll(wait) => poll(wait),
            connection::Effect::Close => close(),
            connection::Effect::Wait(pause) => wait(pause),
        }
    }
    carry_out(leader_state);
    show();
}

/// Carries out what the tab leader decides.
fn carry_out(effects: Vec<tab_leader::Effect>) {
    for act in effects {
        match act {
            tab_leader::Effect::Broadcast(word) => tab_channel::broadcast(&word),
            tab_leader::Effect::QueueForLock => tab_channel::lock(false),
            tab_leader::Effect::StealLock => tab_channel::lock(true),
            tab_leader::Effect::ReleaseLock => tab_channel::release(),
            tab_leader::Effect::Wake(pause) => {
                set_timeout(|| handle(connection::Event::Tick), Duration::from_millis(pause as u64));
            }
            tab_leader::Effect::OpenStream(shared) => {
                page(|page| page.catch_up = None);
                handle(connection::Event::Start { shared });
            }
            tab_leader::Effect::CloseStream => handle(connection::Event::Stop),
            tab_leader::Effect::ChangeTopics(add, remove) => change(add, &remove),
            tab_leader::Effect::CatchUp => catch_up(),
            tab_leader::Effect::Apply(frame) => apply(&frame),
            tab_leader::Effect::ShowState(link, heard) => page(|page| page.leader_state = (link, heard)),
        }
    }
}

/// Another tab sent a message.
pub(super) fn on_tab_message(word: &str) {
    let now = Date::now();
    let (effects, signed_in_again) = page(|page| {
        let signed_in_again = page.connection.link == ConnectionState::SignedOut && word.starts_with("want");
        (page.shared.receive(word, page.store.cursor.as_ref(), now), signed_in_again)
    });
    carry_out(effects);
    // A new page of this reader means that there is a session again.
    handle(if signed_in_again { connection::Event::Network(true) } else { connection::Event::Tick });
}

#[derive(Clone, Copy)]
pub(super) enum Lock {
    /// This tab has the lock.
    Given,
    /// It was taken away, or the wait for it was aborted.
    Lost,
    /// The browser grants no lock.
    Refused,
}

pub(super) fn on_lock(lock: Lock) {
    let now = Date::now();
    carry_out(page(|page| match lock {
        Lock::Given => page.shared.lock_granted(page.store.cursor.as_ref(), now),
        Lock::Lost => page.shared.lock_lost(now),
        Lock::Refused => page.shared.lock_refused(page.store.cursor.as_ref(), now),
    }));
    show();
}

fn open() {
    let source = page(|page| {
        let (topics, after) = page.shared.begin_request(false);
        let source =
            EventSource::new(&url(&format!("/events?{}", subscriptions::query(&topics, after.as_ref())))).ok()?;
        page.source = Some(source.clone());
        Some(source)
    });
    let Some(source) = source else { return };
    for name in NAMES {
        // Fails only for an invalid closure.
        ON_FRAME.with(|on| drop(source.add_event_listener_with_callback(name, on.as_ref().unchecked_ref())));
    }
    ON_STATE.with(|on| {
        source.set_onopen(Some(on.as_ref().unchecked_ref()));
        source.set_onerror(Some(on.as_ref().unchecked_ref()));
    });
}

fn close() {
    page(|page| {
        if let Some(source) = page.source.take() {
            source.close();
        }
        (page.stream, page.poll) = (None, None);
    });
}

fn wait(pause: f64) {
    page(|page| {
        if let Some(timer) = page.timer.take() {
            timer.clear();
        }
        let pause = Duration::from_millis(pause.max(0.0).ceil() as u64);
        page.timer = set_timeout_with_handle(|| handle(connection::Event::Tick), pause).ok();
    });
}

/// The state of the stream or of the page changed.
fn on_state(event: &Event) {
    match event.type_().as_str() {
        "freeze" => leave(),
        "resume" => enter(),
        "open" => handle(connection::Event::Opened),
        _ => {
            let state = page(|page| page.source.as_ref().map(EventSource::ready_state));
            handle(connection::Event::Broken { refused: state == Some(EventSource::CLOSED) });
        }
    }
}

/// An event of the stream.
fn on_frame(frame: MessageEvent) {
    let (name, data) = (frame.type_(), frame.data().as_string().unwrap_or_default());
    if name == "bye" {
        let Ok(bye) = from_str::<Bye>(&data) else { return };
        return handle(match bye.reason {
            ByeReason::Revoked => connection::Event::Revoked,
            ByeReason::Lifetime | ByeReason::Drain | ByeReason::Slow | ByeReason::Full => {
                connection::Event::Bye(bye.retry_ms as f64)
            }
        });
    }
    // An event that is not durable has no id; the browser then repeats the last one.
    let durable = match name.as_str() {
        "hello" | "progress" | "heartbeat" => false,
        "snapshot" => !data.ends_with(r#""partial":true}"#),
        _ => true,
    };
    let id = if durable { frame.last_event_id().parse().ok() } else { None };
    if name == "hello" {
        let Ok(hello) = from_str::<Hello>(&data) else { return };
        page(|page| page.stream = Some(hello.stream.0));
        handle(connection::Event::Hello(hello.heartbeat_ms as f64));
        carry_out(page(|page| page.shared.opened()));
    } else {
        handle(connection::Event::Data);
    }
    relay(SseFrame { name, id, data });
}

fn relay(frame: SseFrame) {
    carry_out(page(|page| page.shared.relay(frame, Date::now())));
}

/// Polls for the events of the stream.
fn poll(wait: u32) {
    let url = page(|page| {
        let (topics, after) = page.shared.begin_request(true);
        poll_url(&topics, after.as_ref(), wait)
    });
    let answered = |answer: super::request::Answer| {
        let status = answer.status;
        page(|page| page.poll = None);
        match status {
            200 => {
                for frame in frames(&answer.text) {
                    if frame.name == "hello" {
                        carry_out(page(|page| page.shared.opened()));
                    }
                    relay(frame);
                }
            }
            400 => page(|page| {
                page.shared.forget_position();
                page.store.cursor = None;
            }),
            _ => {}
        }
        handle(connection::Event::Answer(status, answer.pause));
    };
    page(|page| page.poll = send(&url, None, Box::new(answered)));
}

/// Fetches what this tab missed of the leader's stream, or of its own after an overrun.
fn catch_up() {
    let url = page(|page| poll_url(&page.store.interests.topics(), page.store.cursor.as_ref(), 0));
    let answered = |answer: super::request::Answer| {
        page(|page| page.catch_up = None);
        match answer.status {
            200 => frames(&answer.text).iter().for_each(apply),
            400 => page(|page| page.store.cursor = None),
            _ => {}
        }
        carry_out(page(|page| page.shared.caught_up(answer.status == 200, Date::now())));
        show();
    };
    page(|page| page.catch_up = send(&url, None, Box::new(answered)));
}

/// Adds and removes topics of the stream.
fn change(add: Vec<String>, remove: &[String]) {
    let (url, body) = page(|page| match &page.stream {
        Some(stream) => (url(&format!("/events/{stream}")), Some(subscriptions::change(&add, remove))),
        // Topics added to a poll: their snapshot now, their events with the next poll.
        None => (poll_url(&add, None, 0), None),
    });
    let polling = body.is_none();
    let answered = move |answer: super::request::Answer| {
        page(|page| page.change = None);
        if polling {
            for frame in frames(&answer.text).into_iter().filter(|frame| frame.name == "snapshot") {
                relay(SseFrame { name: "partial".to_owned(), id: None, ..frame });
            }
        }
        let well = answer.status == if polling { 200 } else { 204 };
        carry_out(page(|page| page.shared.topics_changed(well)));
        handle(if well {
            connection::Event::Changed
        } else {
            // The server no longer knows this stream, or cannot be reached.
            connection::Event::Broken { refused: false }
        });
    };
    page(|page| page.change = send(&url, body.as_deref(), Box::new(answered)));
}

/// Checks whether the server can be reached although the browser reports no network: one on this machine can.
fn check() {
    if page(|page| page.connection.is_streaming()) {
        let answered = |answer: super::request::Answer| {
            page(|page| page.check = None);
            if answer.status == 0 && page(|page| page.connection.is_streaming()) {
                handle(connection::Event::Broken { refused: false });
            }
        };
        page(|page| page.check = send(&url("/events/poll"), None, Box::new(answered)));
    }
}

fn poll_url(topics: &[String], after: Option<&Cursor>, wait: u32) -> String {
    let query = subscriptions::query(topics, after);
    url(&format!("/events/poll?{query}&wait={wait}"))
}

/// Parses the response of a poll. The last line is only a position.
fn frames(text: &str) -> Vec<SseFrame> {
    /// A line of the response.
    #[derive(serde::Deserialize)]
    struct Line {
        #[serde(default)]
        event: String,
        #[serde(default)]
        id: Option<String>,
        #[serde(default)]
        data: RawJson,
    }
    let frame = |line: &str| {
        let Line { event, id, data } = from_str(line).ok()?;
        Some(SseFrame { name: event, id: id.and_then(|id| id.parse().ok()), data: data.0 })
    };
    text.lines().filter_map(frame).collect()
}

/// Applies an event to the job store.
fn apply(frame: &SseFrame) {
    if frame.name.is_empty() {
        return page(|page| page.store.pass(frame.id.clone()));
    }
    let partial = frame.name == "partial";
    let name = if partial { "snapshot" } else { &frame.name };
    let Some(mut event) = decode::event(name, &frame.data) else { return };
    match &mut event {
        StreamEvent::Hello(Hello { at, build, .. }) => {
            set_clock(*at);
            if document_attribute("data-build").is_some_and(|own| own != *build) {
                page(|page| page.newer_build.clone()).set(true);
            }
        }
        StreamEvent::Heartbeat(Heartbeat { at }) => set_clock(*at),
        StreamEvent::Snapshot(snapshot) => snapshot.partial |= partial,
        _ => {}
    }
    for call in page(|page| page.store.apply(event, frame.id.clone())) {
        call();
    }
}

fn set_clock(at: Micros) {
    page(|page| page.skew = at.0 - (Date::now() * 1_000.0) as i64);
}

/// Shows the connection state, also as `data-live` of the document.
fn show() {
    let live = page(|page| {
        let connection_state = page.connection_state();
        if page.link.with_untracked(|shown| shown.0 != connection_state.0) {
            page.link.set(connection_state);
        }
        connection_state.0.is_live() && page.shared.is_synced()
    });
    let live = if live { "on" } else { "off" };
    if document_attribute("data-live").as_deref() != Some(live)
        && let Some(root) = document().document_element()
    {
        // Fails only for an invalid name.
        drop(root.set_attribute("data-live", live));
    }
}
