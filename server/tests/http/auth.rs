//! Authentication and authorization: sign-in, users, sessions, tokens, settings, the rights matrix.

mod offered_actions;
mod rights_matrix;
mod settings;
mod sign_in;
mod user_commands;
