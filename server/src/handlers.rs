//! Handlers: the functions behind the routes.

pub(crate) mod about;
pub(crate) mod api;
pub(crate) mod audit_csv;
pub(crate) mod downloads;
pub(crate) mod new_job;
pub(crate) mod offline;
pub(crate) mod pages;
pub(crate) mod reports;
pub(crate) mod schedules;
pub(crate) mod settings_forms;
pub(crate) mod sign_in;
pub(crate) mod uploads;
