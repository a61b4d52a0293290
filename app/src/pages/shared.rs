//! Parts that several pages share.

mod deleted_notice;
mod detail;
mod error_summary;
mod form_fields;
mod from_store;
mod json_view;
mod list_header;
mod question;
mod row_actions;
mod run_history;
mod task_card;
mod task_fields;
pub(super) mod text;

pub(super) use deleted_notice::DeletedNotice;
pub(super) use detail::Detail;
pub(super) use error_summary::ErrorSummary;
pub(super) use form_fields::{Faults, Field, ServerForm};
pub(super) use from_store::from_store;
pub(super) use json_view::{Json, JsonText};
pub(super) use list_header::ListHeader;
pub(super) use question::{Ask, Question, QuestionDialog};
pub(super) use row_actions::{Refusal, WithRowActions, row_rights};
pub(super) use run_history::{bar_class, run_history};
pub(super) use task_card::TaskCard;
pub(super) use task_fields::{Control, task_field};
