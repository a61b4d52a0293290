//! Small parts that pages and islands share. Markup and classes are those of `style/`.

mod icon;
mod milebar;
mod state;
mod time;

pub use icon::Icon;
pub use milebar::{MileBar, MileBarSize};
pub use state::StatePill;
pub use time::{Ago, When};
