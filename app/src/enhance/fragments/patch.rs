//! Patches: change the elements of a page into those of a newer copy, and touch only what differs. So focus, selection,
//! typed text and open details stay.

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, Node};

use crate::browser::set;

/// Attributes that the browser or a script writes, and the server does not.
const KEPT: [&str; 3] = ["open", "aria-busy", "data-changed"];
/// Attributes that distinguish elements of the same name.
const KEYS: [&str; 6] = ["data-key", "id", "action", "href", "aria-labelledby", "data-component"];

/// Changes `shown` into `fresh`, whose nodes it takes. Returns whether anything changed. Islands stay as they are, because
/// they update themselves; new ones are hydrated.
pub(super) fn patch(shown: &Node, fresh: &Node) -> bool {
    if shown.is_equal_node(Some(fresh)) || shown.node_name() == "LEPTOS-ISLAND" {
        return false;
    }
    let (Some(element), Some(other)) = (shown.dyn_ref::<Element>(), fresh.dyn_ref::<Element>()) else {
        shown.set_node_value(fresh.node_value().as_deref());
        return true;
    };
    let mut changed = patch_attributes(element, other);
    let fresh = children(fresh);
    // What goes, goes first, so that what stays need not move.
    let (mut rest, gone): (Vec<_>, Vec<_>) =
        children(shown).into_iter().partition(|(key, _)| fresh.iter().any(|(other, _)| key == other));
    for (key, node) in fresh {
        let place = rest.iter().position(|(other, _)| *other == key);
        let kept = place.map(|place| rest.remove(place).1);
        if let Some(kept) = &kept {
            changed |= patch(kept, &node);
        }
        if place != Some(0) {
            changed = true;
            // Fails only if the page was changed meanwhile.
            let _ = shown.insert_before(kept.as_ref().unwrap_or(&node), rest.first().map(|(_, node)| node));
        }
        if let (None, Ok(event)) = (kept, Event::new("drawn")) {
            let _ = node.dispatch_event(&event);
        }
    }
    for (_, node) in gone.into_iter().chain(rest) {
        changed = true;
        let _ = shown.remove_child(&node);
    }
    changed
}

/// The children of a node, each with what it is recognised by.
fn children(node: &Node) -> Vec<(String, Node)> {
    let nodes = node.child_nodes();
    let keyed = |node: Node| {
        let element = node.dyn_ref::<Element>();
        let key = element.and_then(|element| KEYS.iter().find_map(|name| element.get_attribute(name)));
        (node.node_name() + &key.unwrap_or_default(), node)
    };
    (0..nodes.length()).filter_map(|i| nodes.item(i)).map(keyed).collect()
}

fn patch_attributes(shown: &Element, fresh: &Element) -> bool {
    // Scripts open and close dialogs.
    if shown.node_name() == "DIALOG" {
        return false;
    }
    let mut changed = false;
    for name in shown.get_attribute_names().iter().chain(fresh.get_attribute_names().iter()) {
        let name = name.as_string().unwrap_or_default();
        let value = fresh.get_attribute(&name);
        if shown.get_attribute(&name) != value && !KEPT.contains(&name.as_str()) {
            set(shown, &name, value.as_deref());
            changed = true;
        }
    }
    changed
}
