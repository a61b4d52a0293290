//! New job page: `/new` is the catalogue of tasks, `/new/{kind}` the form of one.

mod catalogue;
mod form;
mod scheduling_options;
mod text;

pub use catalogue::Catalogue;
pub use form::NewJob;
