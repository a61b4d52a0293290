//! The parts of pages that wake in the browser. Each is complete in the first HTML.
