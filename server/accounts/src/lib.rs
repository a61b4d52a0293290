//! Who may come in: people and their passwords, one-time links, tokens, and what slows down whoever guesses.
//!
//! The store keeps it ([`engine::store::Accounts`]), [`engine::access`] decides what somebody may do; here stands how
//! somebody becomes an [`engine::access::Actor`]. The web side and the command line both go through [`Gatekeeper`].
//!
//! | file | what it holds |
//! |---|---|
//! | `gatekeeper` | the service; who is known, and when that changes |
//! | `directory` | people and rules, in memory |
//! | `sign_in` | names and passwords, judged and hashed |
//! | `links` `people` `tokens` | what changes about people |
//! | `throttle` | how often somebody may try |
//! | `hashing` | argon2id, a few at a time |
//! | `names` `passwords` `secret` | what may be chosen, and what is drawn |

mod directory;
mod fault;
mod gatekeeper;
mod hashing;
mod links;
pub mod names;
pub mod passwords;
mod people;
mod secret;
mod sign_in;
pub mod throttle;
mod tokens;

pub use directory::Directory;
pub use gatekeeper::Gatekeeper;
pub use hashing::{MEMORY, PASSES};
pub use links::LINK_LIFE;
pub use secret::Secret;
pub use sign_in::{Entrance, SignIn};
