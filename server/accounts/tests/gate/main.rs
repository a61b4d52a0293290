//! What the gatekeeper promises, on the real store.

mod known;
mod links;
mod people;
mod signing_in;
mod support;
mod tokens;
