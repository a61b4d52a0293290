//! Session: the signed-in user, the message for the next page, the pinned jobs, and the colour scheme.

#[cfg(feature = "ssr")]
mod account;
#[cfg(feature = "ssr")]
pub mod flash;
#[cfg(feature = "ssr")]
pub mod pinned;
mod theme;

#[cfg(feature = "ssr")]
pub use account::{SessionUser, setup_link_path};
#[cfg(feature = "ssr")]
pub use flash::{Flash, Undo};
pub use theme::Theme;
