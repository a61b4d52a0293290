//! Text of the audit log's entries.

use engine::store::AuditRow;
use model::JobId;

use crate::components::full_name;

/// The actions, with their labels in the filter.
pub(super) const ACTIONS: [(&str, &str); 43] = [
    ("signed_in", "Signed in"),
    ("sign_in_failed", "Failed to sign in"),
    ("sign_in_throttled", "Rate limited"),
    ("signed_out", "Signed out"),
    ("sessions_ended", "Ended sessions"),
    ("set_up", "Set up the server"),
    ("link_made", "Created a link"),
    ("password_set", "Set a password by link"),
    ("password_changed", "Changed a password"),
    ("password_mistaken", "Wrong password"),
    ("user_added", "Added a user"),
    ("role_changed", "Changed a role"),
    ("display_name_changed", "Changed a display name"),
    ("user_removed", "Removed a user"),
    ("token_made", "Created a token"),
    ("token_revoked", "Revoked a token"),
    ("kind_rule_changed", "Changed task access"),
    ("job_started", "Started a job"),
    ("job_started_now", "Started a job early"),
    ("job_cancelled", "Cancelled a job"),
    ("job_cancel_requested", "Requested cancel"),
    ("job_paused", "Paused a job"),
    ("job_pause_requested", "Requested pause"),
    ("job_resumed", "Resumed a job"),
    ("job_retried", "Retried a job"),
    ("job_dismissed", "Dismissed a job"),
    ("job_deleted", "Deleted a job"),
    ("file_uploaded", "Uploaded a file"),
    ("schedule_created", "Created a schedule"),
    ("schedule_changed", "Changed a schedule"),
    ("schedule_paused", "Paused a schedule"),
    ("schedule_stopped", "Paused automatically"),
    ("schedule_resumed", "Resumed a schedule"),
    ("schedule_deleted", "Deleted a schedule"),
    ("message_sent", "Sent a message"),
    ("note_added", "Added a note"),
    ("queue_paused", "Paused a queue"),
    ("queue_resumed", "Resumed a queue"),
    ("queue_limited", "Limited a queue"),
    ("kind_paused", "Paused a task"),
    ("kind_resumed", "Resumed a task"),
    ("kind_limited", "Limited a task"),
    ("first_steps_hidden", "Hid Get started"),
];

/// What the user did: two texts around a link to the job.
pub(super) struct Sentence {
    pub(super) before: String,
    pub(super) job: Option<JobId>,
    pub(super) after: String,
}

impl Sentence {
    pub(super) fn of(row: &AuditRow) -> Self {
        let detail = row.detail.as_str();
        let about_job = match row.what.as_str() {
            "job_started" => Some(("started job", "")),
            "job_started_now" => Some(("started job", " early")),
            "job_cancelled" => Some(("cancelled job", "")),
            "job_cancel_requested" => Some(("asked job", " to stop")),
            "job_paused" => Some(("paused job", "")),
            "job_pause_requested" => Some(("asked job", " to pause")),
            "job_resumed" => Some(("resumed job", "")),
            "job_retried" => Some(("retried job", "")),
            "job_dismissed" => Some(("dismissed job", "")),
            "job_deleted" => Some(("deleted job", "")),
            "message_sent" if row.job.is_some() => Some(("messaged viewers of job", "")),
            "note_added" => Some(("added a note to job", "")),
            _ => None,
        };
        match about_job {
            Some((before, after)) => Self {
                before: before.to_owned(),
                job: row.job,
                after: if detail.is_empty() { after.to_owned() } else { format!("{after} {detail}") },
            },
            None => Self { before: without_job(row), job: row.job, after: String::new() },
        }
    }
}

fn without_job(row: &AuditRow) -> String {
    let detail = row.detail.as_str();
    // Names contain neither commas nor spaces.
    let (name, rest) = detail.split_once(", ").unwrap_or((detail, ""));
    let user = full_name(name);
    match row.what.as_str() {
        "signed_in" => "signed in".to_owned(),
        "signed_out" => "signed out".to_owned(),
        "sign_in_failed" if detail.is_empty() => "failed to sign in under an unknown name".to_owned(),
        "sign_in_failed" => format!("failed to sign in as “{detail}”"),
        "sign_in_throttled" if detail.is_empty() => "was rate limited under an unknown name".to_owned(),
        "sign_in_throttled" => format!("was rate limited as “{detail}”"),
        "sessions_ended" if rest == "1" => format!("ended 1 session of {user}"),
        "sessions_ended" => format!("ended {rest} sessions of {user}"),
        "set_up" => "set up the server".to_owned(),
        "link_made" if detail.is_empty() => "created a setup link".to_owned(),
        "link_made" => format!("created a password link for {user}"),
        "password_set" => "set a password by link".to_owned(),
        "password_changed" if *row.by.name == *detail => "changed their password".to_owned(),
        "password_changed" => format!("changed the password of {user}"),
        "password_mistaken" => "entered a wrong current password".to_owned(),
        "user_added" => format!("added {user} as {rest}"),
        "role_changed" => format!("changed the role of {user} {rest}"),
        "display_name_changed" if *row.by.name == *name => format!("changed their display name {rest}"),
        "display_name_changed" => format!("changed the display name of {name} {rest}"),
        "user_removed" => format!("removed {user}"),
        "token_made" => format!("created the token {detail}"),
        "token_revoked" => format!("revoked the token {detail}"),
        "kind_rule_changed" => format!("changed access to the task {name} ({rest})"),
        "file_uploaded" => format!("uploaded {detail}"),
        "schedule_created" => format!("created the schedule {detail}"),
        "schedule_changed" => format!("changed the schedule {detail}"),
        "schedule_paused" => format!("paused the schedule {detail}"),
        "schedule_stopped" => format!("was paused automatically: {detail}"),
        "schedule_resumed" => format!("resumed the schedule {detail}"),
        "schedule_deleted" => format!("deleted the schedule {detail}"),
        "message_sent" if detail.is_empty() => "messaged everyone".to_owned(),
        "message_sent" => format!("wrote to {user}"),
        "queue_paused" => format!("paused the queue {detail}"),
        "queue_resumed" => format!("resumed the queue {detail}"),
        "queue_limited" => format!("limited the queue {name}: {rest}"),
        "kind_paused" => format!("paused the task {detail}"),
        "kind_resumed" => format!("resumed the task {detail}"),
        "kind_limited" => format!("limited the task {name}: {rest}"),
        "first_steps_hidden" => "hid Get started".to_owned(),
        // An action of a newer version.
        other if detail.is_empty() => other.replace('_', " "),
        other => format!("{}: {detail}", other.replace('_', " ")),
    }
}
