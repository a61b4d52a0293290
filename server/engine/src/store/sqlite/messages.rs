//! Messages between users, and notes on jobs.

use model::{JobId, MessageEvent, MessageTo, Micros, Seq, StreamEvent, Tone};
use rusqlite::{Row, params};

use super::{backend::WriteCommand, error::corrupt, transaction::Transaction};
use crate::{
    Result,
    store::{
        MAX_MESSAGES_KEPT, NewMessage, SentMessage,
        rules::{
            limits::check_note_count,
            message::{check_same_message, compose, message_audit},
        },
    },
};

/// Messages, in the columns that the queries read.
pub(super) const MESSAGES: &str = "select id, at, by, text, job, user, tone from message";
/// Notes in the columns of [`MESSAGES`]; the last two are constant.
pub(super) const NOTES: &str = "select id, at, by, text, job, null, 'info' from job_note";

impl WriteCommand for NewMessage {
    const ADDS: bool = true;

    type Answer = SentMessage;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<SentMessage> {
        if let Some(message) = transaction.message_with_same_key(self)? {
            return Ok(SentMessage { message, again: true });
        }
        if let Some(job) = self.to.job() {
            transaction.find(job)?;
        }
        let display_name = transaction.display_name(&self.by.name)?;
        let message = compose(self, display_name, transaction.next_seq(), transaction.now);
        let job = self.to.job();
        match &self.to {
            MessageTo::Note { job } => transaction.add_note(*job, &message, self.key.as_deref())?,
            MessageTo::Everyone | MessageTo::User { .. } | MessageTo::Job { .. } => {
                transaction.add_message(&message, self.key.as_deref())?;
            }
        }
        let (what, detail) = message_audit(&self.to);
        transaction.audit(&self.by, what, job, detail)?;
        transaction.record_event(job, StreamEvent::Message(message.clone()));
        Ok(SentMessage { message, again: false })
    }
}

impl Transaction<'_> {
    /// The message that was sent by the same user under the same key.
    fn message_with_same_key(&self, new: &NewMessage) -> Result<Option<MessageEvent>> {
        let Some(key) = &new.key else { return Ok(None) };
        let note = matches!(new.to, MessageTo::Note { .. });
        let found = if note {
            let sql = format!("{NOTES} indexed by job_note_by_key where by = ? and key = ?");
            self.row(&sql, params![new.by.name, key], |row| message(row, true))?
        } else {
            let sql = format!("{MESSAGES} indexed by message_by_key where by = ? and key = ?");
            self.row(&sql, params![new.by.name, key], |row| message(row, false))?
        };
        found.as_ref().map_or(Ok(()), |found| check_same_message(found, new))?;
        Ok(found)
    }

    fn add_message(&self, message: &MessageEvent, key: Option<&str>) -> Result<()> {
        let MessageEvent { number, to, text, from, tone, at, .. } = message;
        let user = if let MessageTo::User { user } = to { Some(user) } else { None };
        let job = to.job().map(|job| job.0);
        self.execute(
            "insert into message (id, at, by, user, job, tone, text, key) values (?, ?, ?, ?, ?, ?, ?, ?)",
            params![number.0, at.0, from, user, job, tone.as_str(), text, key],
        )?;
        // Each message over the limit replaces the oldest.
        self.execute(
            "delete from message where id <= (select id from message order by id desc limit 1 offset ?)",
            [MAX_MESSAGES_KEPT],
        )?;
        Ok(())
    }

    fn add_note(&self, job: JobId, note: &MessageEvent, key: Option<&str>) -> Result<()> {
        let sql = "select count(*) from job_note where job = ?";
        check_note_count(job, self.row(sql, [job.0], |row| Ok(row.get(0)?))?.unwrap_or_default())?;
        let MessageEvent { number, text, from, at, .. } = note;
        self.execute(
            "insert into job_note (id, job, at, by, text, key) values (?, ?, ?, ?, ?, ?)",
            params![number.0, job.0, at.0, from, text, key],
        )?;
        Ok(())
    }
}

/// Reads the columns of [`MESSAGES`], or of [`NOTES`].
fn message(row: &Row<'_>, note: bool) -> Result<MessageEvent> {
    let tone: String = row.get(6)?;
    message_from_columns(
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?),
        recipient(note, row.get(4)?, row.get(5)?),
        &tone,
    )
}

/// The recipient of a row, by its job and its user.
pub(super) fn recipient(note: bool, job: Option<i64>, user: Option<String>) -> MessageTo {
    match (job.map(JobId), user) {
        (Some(job), _) if note => MessageTo::Note { job },
        (Some(job), _) => MessageTo::Job { job },
        (None, Some(user)) => MessageTo::User { user },
        (None, None) => MessageTo::Everyone,
    }
}

/// A message from its columns.
pub(super) fn message_from_columns(
    (number, at, from, text): (i64, i64, String, String),
    to: MessageTo,
    tone: &str,
) -> Result<MessageEvent> {
    let tone = Tone::from_word(tone).ok_or_else(|| corrupt("a message's tone", tone))?;
    Ok(MessageEvent { number: Seq(number), to, text, from, display_name: None, tone, at: Micros(at) })
}
