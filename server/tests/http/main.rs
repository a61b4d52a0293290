//! The program from outside: the built binary, real sockets, real signals.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod attacks;
mod away;
mod base_path;
mod browser;
mod chance;
mod clients;
mod commands;
mod course;
mod database;
mod declared;
mod door;
mod downloads;
mod ear;
mod full_disk;
mod job_page;
mod killed;
mod links;
mod listening;
mod lists;
mod long_log;
mod messages;
mod milepost;
mod new_job;
mod offers;
#[path = "../tasks/orders.rs"]
mod orders;
mod orphan_files;
mod people;
mod publishing;
mod rights;
mod routes;
mod schedules;
mod settings;
mod shutdown;
mod signing_in;
mod site;
mod small_disk;
mod snapshots;
mod stalling;
mod starting;
mod stopping;
mod streams;
mod uploads;
mod workers;
