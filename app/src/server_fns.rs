//! Server functions: what forms, scripts and API clients can call. Each authorises, calls the engine and maps the
//! error.

mod error;
mod folders;
mod form_result;
mod form_state;
mod get_started;
mod jobs;
mod messages;
mod profile;
mod queues;
mod schedules;
mod start_job;
mod theme;
mod users;

pub use error::{ApiError, ApiResult};
pub use folders::folders;
pub use form_result::FormResult;
pub use form_state::FormState;
pub(crate) use get_started::{BACKUP, DEMO};
pub use get_started::{hide_get_started, schedule_backup, start_demo};
pub use jobs::{
    Cancelled, Paused, cancel_job, delete_job, dismiss_job, dismiss_jobs, pause_job, pin_job, rerun_job, resume_job,
    retry_job, start_now, unpin_job,
};
pub use messages::{Delivered, add_note, send_message};
pub use profile::{
    change_password, end_other_sessions, end_session, make_token, revoke_token, set_display_name, set_time_zone,
};
pub use queues::{
    MAX_PARALLEL_JOBS, limit_kind, limit_queue, pause_kind, pause_queue, paused_text, resume_kind, resume_queue,
};
pub use schedules::{delete_schedule, pause_schedule, resume_schedule, run_schedule};
pub use start_job::{INPUT_LIMIT, start_job};
pub use theme::set_theme;
pub use users::{
    add_user, change_kind_rule, change_role, end_sessions_of, remove_user, rename_user, reset_password, revoke_token_of,
};

/// Returns the auth service, if the user may do `action`.
fn auth(action: engine::access::Action) -> ApiResult<accounts::AuthService> {
    let app = crate::context::app();
    app.engine.authorise(action)?;
    app.auth.ok_or_else(|| engine::Error::Denied(engine::access::Denied::NoAccounts).into())
}
