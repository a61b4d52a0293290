//! Where the lines are scrolled to, and whether the end is followed.

use std::cell::Cell;

use leptos::prelude::*;
use web_sys::Element;

/// Nearer to an edge than this many pixels is at it.
const NEAR: i32 = 12;

/// The box of lines.
pub(super) struct Scroll {
    /// The box.
    pub(super) lines: Element,
    /// New lines scroll into view.
    pub(super) following: Cell<bool>,
    /// Where the top was when it was last looked at, pixels.
    top: Cell<i32>,
}

impl Scroll {
    pub(super) fn new(lines: Element) -> Self {
        Self { lines, following: Cell::new(true), top: Cell::new(0) }
    }

    /// Shows the end once the page is drawn, if it is followed.
    pub(super) fn keep_end(&'static self) {
        request_animation_frame(|| {
            if self.following.get() {
                self.lines.set_scroll_top(self.lines.scroll_height());
            }
        });
    }

    /// After a movement: whether the top, and whether the end is in sight. Who reaches the end follows it; who moves
    /// up lets it go. Lines that came since the movement must not look like one.
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

    /// Moves down by so many pixels.
    pub(super) fn down_by(&self, pixels: i32) {
        self.lines.set_scroll_top(self.lines.scroll_top() + pixels);
    }
}
