//! Limits: quotas of users, and how much the store keeps for how long.

use model::{JobId, count};

use crate::{
    Error, Result,
    store::{MAX_NOTES_PER_JOB, MAX_SCHEDULES, MAX_SCHEDULES_PER_USER},
};

/// How long an idempotency key is kept, microseconds.
pub(in crate::store) const KEY_LIFETIME: i64 = 24 * 3_600_000_000;
/// How long durable events are kept, microseconds.
pub(in crate::store) const EVENT_LIFETIME: i64 = 24 * 3_600_000_000;
/// How many durable events are kept at most.
pub(in crate::store) const MAX_EVENTS_KEPT: i64 = 1_000_000;
/// How long the reporter of a deleted job is told so, microseconds: as long as a client keeps what it could not send.
pub(in crate::store) const SPOOL_LIFETIME: i64 = 14 * 24 * 3_600_000_000;
/// How long messages are kept, microseconds.
pub(in crate::store) const MESSAGE_LIFETIME: i64 = 30 * 24 * 3_600_000_000;
/// The longest input that does not count against a quota, bytes. Migration 0015 contains it, too.
pub(crate) const SMALL_INPUT: usize = 4 << 10;

/// Refuses `more` bytes where a user who has sent `used` may send `limit`.
pub(in crate::store) const fn check_quota(used: u64, more: u64, limit: u64) -> Result<()> {
    if used.saturating_add(more) > limit { Err(Error::Quota { used, limit }) } else { Ok(()) }
}

/// Refuses another upload to a user who has `kept` of at most `max`, whatever their sizes.
pub(in crate::store) fn check_upload_count(kept: u64, max: u64) -> Result<()> {
    if kept < max {
        return Ok(());
    }
    Err(Error::Refused {
        code: "too_many_uploads",
        message: format!(
            "you have {} uploads, the most that are kept; those that no job refers to are removed after 24 hours",
            count(kept)
        ),
    })
}

/// Refuses another schedule to `owner`, who has `own` of `all`.
pub(in crate::store) fn check_schedule_count(owner: &str, own: u64, all: u64) -> Result<()> {
    let message = if own >= MAX_SCHEDULES_PER_USER {
        format!("{owner} has {} schedules, which is the limit; delete one first", count(own))
    } else if all >= MAX_SCHEDULES {
        format!("there are {} schedules, which is the limit; delete one first", count(all))
    } else {
        return Ok(());
    };
    Err(Error::Refused { code: "too_many_schedules", message })
}

/// Refuses another note on a job that has `notes`.
pub(in crate::store) fn check_note_count(job: JobId, notes: i64) -> Result<()> {
    if notes < MAX_NOTES_PER_JOB {
        return Ok(());
    }
    Err(Error::Refused {
        code: "too_many_notes",
        message: format!("job #{job} has {} notes, and takes no more", count(MAX_NOTES_PER_JOB as u64)),
    })
}
