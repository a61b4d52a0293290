//! Tab channel: the `BroadcastChannel` of one browser's tabs, with the lock that elects the leader where there are locks.

use std::cell::RefCell;

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{AbortController, BroadcastChannel, MessageEvent};

use super::{
    event_source::{self, Lock},
    tab_leader::Election,
};

#[derive(Default)]
struct Shared {
    /// Name of the channel and the lock.
    name: String,
    channel: Option<BroadcastChannel>,
    /// Aborts the wait for the lock.
    queue: Option<AbortController>,
    /// Releases the lock.
    hold: Option<Function>,
}

thread_local! {
    static SHARED: RefCell<Shared> = RefCell::default();
    static ON_MESSAGE: Closure<dyn Fn(MessageEvent)> = Closure::new(|message: MessageEvent| {
        if let Some(message) = message.data().as_string() {
            event_source::on_tab_message(&message);
        }
    });
    static ON_LOCK: Closure<dyn Fn() -> Promise> = Closure::new(|| {
        let held = Promise::new(&mut |release, _| SHARED.with_borrow_mut(|shared| shared.hold = Some(release)));
        event_source::on_lock(Lock::Given);
        held
    });
    static ON_LOCK_LOST: Closure<dyn FnMut(JsValue)> = Closure::new(|error: JsValue| {
        let name = Reflect::get(&error, &"name".into()).ok().and_then(|name| name.as_string());
        event_source::on_lock(if name.as_deref() == Some("AbortError") { Lock::Lost } else { Lock::Refused });
    });
}

/// Joins the channel `name`. Returns how its tabs elect a leader.
pub(super) fn enter(name: String) -> Election {
    let Ok(channel) = BroadcastChannel::new(&name) else { return Election::Alone };
    let election = if locks().is_some() { Election::Lock } else { Election::Channel };
    ON_MESSAGE.with(|on| channel.set_onmessage(Some(on.as_ref().unchecked_ref())));
    SHARED.with_borrow_mut(|shared| (shared.name, shared.channel) = (name, Some(channel)));
    election
}

/// Leaves the channel. A page in the browser's page cache must not hold what other tabs wait for.
pub(super) fn exit() {
    if let Some(channel) = SHARED.with_borrow_mut(|shared| shared.channel.take()) {
        channel.close();
    }
}

/// Sends a message to the other tabs.
pub(super) fn broadcast(message: &str) {
    SHARED.with_borrow(|shared| {
        if let Some(channel) = &shared.channel {
            // Fails only for a closed channel.
            drop(channel.post_message(&message.into()));
        }
    });
}

/// Requests the lock, or steals it from its holder. [`event_source::on_lock`] receives the outcome.
pub(super) fn lock(seize: bool) {
    let Some(locks) = locks() else { return };
    let options = Object::new();
    let set = |name: &str, value: &JsValue| drop(Reflect::set(&options, &name.into(), value));
    if seize {
        set("steal", &JsValue::TRUE);
    } else if let Ok(queue) = AbortController::new() {
        set("signal", &queue.signal());
        SHARED.with_borrow_mut(|shared| shared.queue = Some(queue));
    }
    let name = SHARED.with_borrow(|shared| JsValue::from_str(&shared.name));
    let asked = ON_LOCK.with(|on| {
        let request: Function = Reflect::get(&locks, &"request".into())?.dyn_into()?;
        Reflect::apply(&request, &locks, &Array::of3(&name, &options, on.as_ref()))
    });
    if let Ok(asked) = asked {
        ON_LOCK_LOST.with(|on| drop(asked.unchecked_into::<Promise>().catch(on)));
    }
}

/// Releases the lock and the wait for it.
pub(super) fn release() {
    let (queue, hold) = SHARED.with_borrow_mut(|shared| (shared.queue.take(), shared.hold.take()));
    if let Some(queue) = queue {
        queue.abort();
    }
    if let Some(hold) = hold {
        // Resolves a promise, which cannot fail.
        drop(hold.call0(&JsValue::NULL));
    }
}

/// The Web Locks API, which exists on secure pages only.
fn locks() -> Option<JsValue> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    locks.is_object().then_some(locks)
}
