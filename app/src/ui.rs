//! Small parts that pages and islands share. Markup and classes are those of `style/`.

mod fact;
mod icon;
mod log_line;
mod milebar;
mod row;
mod state;
mod time;

pub use fact::{document_title, fact};
pub use icon::{Icon, kind_icon};
pub use log_line::LogRow;
pub use milebar::{MileBar, MileBarSize, StageNames};
pub use row::{Going, Timing, job_name};
pub use state::StatePill;
pub use time::{Ago, When, ago, localise, words};
