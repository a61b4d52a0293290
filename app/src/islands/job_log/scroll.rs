//! Where the lines are scrolled to, and whether the end is followed.

use leptos::{html::Div, prelude::*};

/// Nearer to an edge than this many pixels is at it.
const NEAR: i32 = 12;

/// The box of lines.
#[derive(Clone, Copy)]
pub(super) struct Scroll {
    /// The box.
    pub(super) lines: NodeRef<Div>,
    /// New lines scroll into view.
    pub(super) following: RwSignal<bool>,
    /// Where the top was when it was last looked at, pixels.
    top: StoredValue<i32>,
}

impl Scroll {
    pub(super) fn new() -> Self {
        Self { lines: NodeRef::new(), following: RwSignal::new(true), top: StoredValue::new(0) }
    }

    /// Shows the end, and follows it.
    pub(super) fn to_end(self) {
        self.following.set(true);
        self.keep_end();
    }

    /// Shows the end once the page is drawn, if it is followed.
    pub(super) fn keep_end(self) {
        request_animation_frame(move || {
            if let Some(lines) = self.lines.get_untracked().filter(|_| self.following.get_untracked()) {
                lines.set_scroll_top(lines.scroll_height());
            }
        });
    }

    /// After a movement: whether the top, and whether the end is in sight. Who reaches the end follows it; who moves
    /// up lets it go. Lines that came since the movement must not look like one.
    pub(super) fn moved(self) -> (bool, bool) {
        let Some(lines) = self.lines.get_untracked() else { return (false, false) };
        let top = lines.scroll_top();
        let up = top < self.top.get_value();
        let end = lines.scroll_height() - top - lines.client_height() < NEAR;
        self.top.set_value(top);
        if (end || up) && end != self.following.get_untracked() {
            self.following.set(end);
        }
        (top < NEAR, end)
    }

    /// The height of all lines, pixels.
    pub(super) fn height(self) -> i32 {
        self.lines.get_untracked().map_or(0, |lines| lines.scroll_height())
    }

    /// Moves down by so many pixels.
    pub(super) fn down_by(self, pixels: i32) {
        if let Some(lines) = self.lines.get_untracked() {
            lines.set_scroll_top(lines.scroll_top() + pixels);
        }
    }
}
