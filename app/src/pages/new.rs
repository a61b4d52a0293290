//! `/new` and `/new/{kind}`: from the catalogue to a started job.

mod catalogue;
mod draft;
mod fields;
mod folder;
mod form;
mod summary;
mod upload;
pub(crate) mod when;

pub use catalogue::Catalogue;
pub use draft::Draft;
pub(super) use fields::form_field;
pub use form::NewJob;
pub(super) use summary::Summary;
