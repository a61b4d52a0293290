//! Event source: carries out what [`super::connection`] and [`super::tab_leader`] decide, and reports what happens to
//! them.

use std::{cell::RefCell, time::Duration};

use js_sys::{Date, JSON, Math};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use model::{Cursor, Heartbeat, Hello, Micros, StreamEvent};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{Event, EventSource, MessageEvent};

use super::{
    Link,
    connection::{self, Connection},
    decode,
    job_store::JobStore,
    request::{Request, send},
    share::{self, Frame, Share},
    subscriptions, tab_channel,
};
use crate::{base_path::url, browser::json::Json};

/// The events to listen for. `end` is for scripts only.
const NAMES: [&str; 9] = ["hello", "snapshot", "progress", "state", "log", "gate", "message", "heartbeat", "bye"];

struct Page {
    store: JobStore,
    /// Set once the page listens to the window.
    begun: bool,
    sync_planned: bool,
    /// The page was left, and may be restored.
    left: bool,
    share: Share,
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
    told: (Link, Option<f64>),
    /// The server's clock minus the browser's, microseconds.
    skew: i64,
    clock: ArcRwSignal<Micros>,
    link: ArcRwSignal<(Link, Option<Micros>)>,
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
            share: Share::new(tab),
            connection: Connection::default(),
            source: None,
            stream: None,
            poll: None,
            catch_up: None,
            change: None,
            check: None,
            timer: None,
            told: (Link::Connecting, None),
            skew: 0,
            clock: ArcRwSignal::default(),
            link: ArcRwSignal::default(),
            newer_build: ArcRwSignal::default(),
        }
    }

    /// The connection state, and when the server was last heard from.
    fn standing(&self) -> (Link, Option<Micros>) {
        let (link, heard) = if self.share.leads() { (self.connection.link, self.connection.heard) } else { self.told };
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
pub(super) fn ask<T>(question: impl FnOnce(&mut JobStore) -> T) -> T {
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

pub(super) fn link() -> ArcRwSignal<(Link, Option<Micros>)> {
    begin();
    page(|page| page.link.clone())
}

pub(super) fn newer_build() -> ArcRwSignal<bool> {
    begin();
    page(|page| page.newer_build.clone())
}

/// An attribute of the document.
fn said(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

/// Adds the listeners of the window, once.
fn begin() {
    if page(|page| std::mem::replace(&mut page.begun, true)) {
        return;
    }
    if let Some(at) = said("data-now").and_then(|now| now.parse().ok()).map(Micros) {
        set_clock(at);
        page(|page| page.clock.set(at));
    }
    page(|page| page.store.cursor = said("data-cursor").and_then(|cursor| cursor.parse::<Cursor>().ok()));
    looked();
    set_interval(tick, Duration::from_secs(1));
    let on = |name: &str, act: fn()| drop(window_event_listener_untyped(name, move |_| act()));
    on("online", || happened(connection::Event::Network(true)));
    on("offline", || {
        happened(connection::Event::Network(false));
        check();
    });
    on("pagehide", leave);
    on("pageshow", enter);
    // Bubbles up from the document.
    on("visibilitychange", looked);
    // These do not.
    for name in ["freeze", "resume"] {
        ON_STATE.with(|on| drop(document().add_event_listener_with_callback(name, on.as_ref().unchecked_ref())));
    }
}

/// Called once a second: updates the clock and the age of the data.
fn tick() {
    happened(connection::Event::Tick);
    page(|page| {
        page.clock.set(page.server_time(Date::now()));
        page.link.set(page.standing());
    });
}

fn looked() {
    happened(connection::Event::Looked(!document().hidden()));
}

/// A page that is left or frozen releases what other tabs wait for, and what would keep it out of the browser's page
/// cache.
fn leave() {
    page(|page| {
        page.left = true;
        (page.catch_up, page.change, page.check) = (None, None, None);
    });
    act(page(|page| page.share.leave()));
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
    let acts = page(|page| {
        page.sync_planned = false;
        let wanted = page.store.interests.topics();
        if page.left || wanted.is_empty() && !page.share.is_in() {
            return Vec::new();
        }
        let mut acts = page.share.want(wanted, now);
        if !page.share.is_in() {
            // Tabs of another user, session or build use another channel.
            let names = ["data-base", "data-who", "data-build"].map(|name| said(name).unwrap_or_default());
            let election = tab_channel::enter(format!("milepost {}", names.join(" ")));
            acts.append(&mut page.share.join(election, page.store.cursor.as_ref(), now));
        }
        acts
    });
    act(acts);
    show();
}

/// Passes an event to the connection, and carries out what it decides.
fn happened(event: connection::Event) {
    let now = Date::now();
    let (acts, told) = page(|page| {
        let acts = page.connection.take(event, now, Math::random());
        let (link, heard) = (page.connection.link, page.connection.heard);
        (acts, page.share.told(link, heard, page.store.cursor.as_ref(), now))
    });
    for act in acts {
        match act {
            connection::Act::Open => open(),
            connection::Act::Poll(wait) => poll(wait),
            connection::Act::Close => close(),
            connection::Act::Wait(pause) => wait(pause),
        }
    }
    act(told);
    show();
}

/// Carries out what the tab leader decides.
fn act(acts: Vec<share::Act>) {
    for act in acts {
        match act {
            share::Act::Say(word) => tab_channel::say(&word),
            share::Act::Queue => tab_channel::lock(false),
            share::Act::Seize => tab_channel::lock(true),
            share::Act::Release => tab_channel::release(),
            share::Act::Wake(pause) => {
                set_timeout(|| happened(connection::Event::Tick), Duration::from_millis(pause as u64));
            }
            share::Act::Lead(shared) => {
                page(|page| page.catch_up = None);
                happened(connection::Event::Start { shared });
            }
            share::Act::Rest => happened(connection::Event::Stop),
            share::Act::Change(add, remove) => change(add, &remove),
            share::Act::CatchUp => catch_up(),
            share::Act::Apply(frame) => apply(&frame),
            share::Act::Show(link, heard) => page(|page| page.told = (link, heard)),
        }
    }
}

/// Another tab sent a message.
pub(super) fn on_word(word: &str) {
    let now = Date::now();
    let (acts, hope) = page(|page| {
        let hope = page.connection.link == Link::SignedOut && word.starts_with("want");
        (page.share.hear(word, page.store.cursor.as_ref(), now), hope)
    });
    act(acts);
    // A new page of this reader means that there is a session again.
    happened(if hope { connection::Event::Network(true) } else { connection::Event::Tick });
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
    act(page(|page| match lock {
        Lock::Given => page.share.granted(page.store.cursor.as_ref(), now),
        Lock::Lost => page.share.lost(now),
        Lock::Refused => page.share.refused(page.store.cursor.as_ref(), now),
    }));
    show();
}

fn open() {
    let source = page(|page| {
        let (topics, after) = page.share.ask(false);
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
        page.timer = set_timeout_with_handle(|| happened(connection::Event::Tick), pause).ok();
    });
}

/// The state of the stream or of the page changed.
fn on_state(event: &Event) {
    match event.type_().as_str() {
        "freeze" => leave(),
        "resume" => enter(),
        "open" => happened(connection::Event::Opened),
        _ => {
            let state = page(|page| page.source.as_ref().map(EventSource::ready_state));
            happened(connection::Event::Broken { refused: state == Some(EventSource::CLOSED) });
        }
    }
}

/// An event of the stream.
fn on_frame(frame: MessageEvent) {
    let (name, data) = (frame.type_(), frame.data().as_string().unwrap_or_default());
    if name == "bye" {
        let Some(json) = Json::parse(&data) else { return };
        return happened(match json.words("reason").as_str() {
            "revoked" => connection::Event::Revoked,
            _ => connection::Event::Bye(json.count("retry_ms") as f64),
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
        let Some(hello) = Json::parse(&data) else { return };
        page(|page| page.stream = Some(hello.words("stream")));
        happened(connection::Event::Hello(hello.count("heartbeat_ms") as f64));
        act(page(|page| page.share.opened()));
    } else {
        happened(connection::Event::Frame);
    }
    relay(Frame { name, id, data });
}

fn relay(frame: Frame) {
    act(page(|page| page.share.relay(frame, Date::now())));
}

/// Polls for the events of the stream.
fn poll(wait: u32) {
    let url = page(|page| {
        let (topics, after) = page.share.ask(true);
        poll_url(&topics, after.as_ref(), wait)
    });
    let answered = |answer: super::request::Answer| {
        let status = answer.status;
        page(|page| page.poll = None);
        match status {
            200 => {
                for frame in frames(&answer.text) {
                    if frame.name == "hello" {
                        act(page(|page| page.share.opened()));
                    }
                    relay(frame);
                }
            }
            400 => page(|page| {
                page.share.forget();
                page.store.cursor = None;
            }),
            _ => {}
        }
        happened(connection::Event::Answer(status, answer.pause));
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
        act(page(|page| page.share.caught_up(answer.status == 200, Date::now())));
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
                relay(Frame { name: "partial".to_owned(), id: None, ..frame });
            }
        }
        let well = answer.status == if polling { 200 } else { 204 };
        act(page(|page| page.share.changed(well)));
        happened(if well {
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
                happened(connection::Event::Broken { refused: false });
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
fn frames(text: &str) -> Vec<Frame> {
    let frame = |line: &str| {
        let json = Json::parse(line)?;
        let data = json.get("data").some().and_then(|data| JSON::stringify(data.as_js()).ok());
        let data = data.map(String::from).unwrap_or_default();
        Some(Frame { name: json.words("event"), id: json.words("id").parse().ok(), data })
    };
    text.lines().filter_map(frame).collect()
}

/// Applies an event to the job store.
fn apply(frame: &Frame) {
    if frame.name.is_empty() {
        return page(|page| page.store.pass(frame.id.clone()));
    }
    let partial = frame.name == "partial";
    let name = if partial { "snapshot" } else { &frame.name };
    let Some(mut event) = Json::parse(&frame.data).and_then(|json| decode::event(name, &json)) else { return };
    match &mut event {
        StreamEvent::Hello(Hello { at, build, .. }) => {
            set_clock(*at);
            if said("data-build").is_some_and(|own| own != *build) {
                page(|page| page.newer_build.clone()).set(true);
            }
        }
        StreamEvent::Heartbeat(Heartbeat { at }) => set_clock(*at),
        StreamEvent::Snapshot(snapshot) => snapshot.partial |= partial,
        _ => {}
    }
    for call in page(|page| page.store.hear(event, frame.id.clone())) {
        call();
    }
}

fn set_clock(at: Micros) {
    page(|page| page.skew = at.0 - (Date::now() * 1_000.0) as i64);
}

/// Shows the connection state, also as `data-live` of the document.
fn show() {
    let live = page(|page| {
        let standing = page.standing();
        if page.link.with_untracked(|shown| shown.0 != standing.0) {
            page.link.set(standing);
        }
        standing.0.is_live() && page.share.is_synced()
    });
    let live = if live { "on" } else { "off" };
    if said("data-live").as_deref() != Some(live)
        && let Some(root) = document().document_element()
    {
        // Fails only for an invalid name.
        drop(root.set_attribute("data-live", live));
    }
}
