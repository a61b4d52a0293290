//! Attacks: what a hostile client, site, user or file tries against a server, and how the server withstands it.

mod api_tokens;
mod csrf;
mod csv_injection;
mod event_streams;
mod file_bombs;
mod fuzz;
mod information_leaks;
mod oversized_requests;
mod password_guessing;
mod path_traversal;
mod private_jobs;
mod request_smuggling;
mod revocation_races;
mod session_theft;
mod slow_clients;
mod xss;
