//! Authentication: users and their passwords, one-time links, tokens, and rate limits of sign-in.
//!
//! The store keeps accounts ([`engine::store::Accounts`]) and [`engine::access`] authorises. This crate turns
//! credentials into an [`engine::access::Actor`]. The server and the command line both use [`AuthService`].
//!
//! | module | content |
//! |---|---|
//! | `auth_service` | the service; authentication by token |
//! | `account_cache` | users and rules of kinds, in memory |
//! | `sign_in` | sign-in with name and password; change of a password |
//! | `links` `users` `tokens` `display_names` | changes to accounts |
//! | `throttle` | rate limits of sign-in |
//! | `hashing` | password hashing with argon2id, bounded concurrency |
//! | `user_names` `passwords` `secret` | validation of names and passwords; random secrets |

mod account_cache;
mod auth_service;
mod display_names;
mod field_errors;
mod hashing;
mod links;
pub mod passwords;
mod secret;
mod sign_in;
pub mod throttle;
mod tokens;
pub mod user_names;
mod users;

pub use account_cache::AccountCache;
pub use auth_service::AuthService;
pub use hashing::{ARGON2_MEMORY, ARGON2_PASSES};
pub use links::LINK_LIFETIME;
pub use secret::Secret;
pub use sign_in::{AuthenticatedUser, SignInError};
