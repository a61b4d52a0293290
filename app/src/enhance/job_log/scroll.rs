//! Scroll position of the log, and whether the end is followed.

use std::{cell::Cell, rc::Rc};

use leptos::prelude::*;
use web_sys::Element;

/// The distance from an edge that counts as at the edge, pixels.
const NEAR: i32 = 12;

/// The scrolling box of lines.
pub(super) struct Scroll {
    pub(super) lines: Element,
    /// New lines scroll into view.
    pub(super) following: Cell<bool>,
    /// The last scroll position, pixels.
    top: Cell<i32>,
}

impl Scroll {
    pub(super) fn new(lines: Element) -> Self {
        Self { lines, following: Cell::new(true), top: Cell::new(0) }
    }

    /// Scrolls to the end after the next paint, if it is followed.
    pub(super) fn keep_end(self: &Rc<Self>) {
        let scroll = Rc::clone(self);
        request_animation_frame(move || {
            if scroll.following.get() {
                scroll.lines.set_scroll_top(scroll.lines.scroll_height());
            }
        });
    }

    /// Returns whether the top and the end are visible after scrolling. Reaching the end starts following; moving up
    /// stops it. Lines added meanwhile must not look like a movement.
    pub(super) fn moved(&self) -> (bool, bool) {
        let top = self.lines.scroll_top();
        let up = top < self.top.replace(top);
        let end = self.height() - top - self.lines.client_height() < NEAR;
        if end || up {
            self.following.set(end);
        }
        (top < NEAR, end)
    }

    /// The height of all lines, pixels.
    pub(super) fn height(&self) -> i32 {
        self.lines.scroll_height()
    }

    pub(super) fn down_by(&self, pixels: i32) {
        self.lines.set_scroll_top(self.lines.scroll_top() + pixels);
    }
}
