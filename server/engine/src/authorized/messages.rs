//! Messages and notes of one user: sends and reads them.

use model::{JobId, MessageEvent, MessageTo, Seq, Tone};

use super::{AuthorizedEngine, AuthorizedJob};
use crate::{
    Result,
    access::Action,
    messages::{MAX_MESSAGE_LENGTH, MAX_NOTE_LENGTH, cleaned, key},
    store::{MessagePage, NewMessage, SentMessage},
};

impl AuthorizedEngine {
    /// Sends a message to everyone, one user, or the watchers of a job; or notes something on a job. Whether there is
    /// such a user is not looked at. Asked again under the same `name`, it is told once.
    ///
    /// # Errors
    /// `Error::Denied`; `Error::NoSuchJob` also for one that is hidden; `Error::InvalidInput` for `text` or
    /// `key`;
    /// `Error::Refused` as `key_reused` or `too_many_notes`.
    pub async fn send_message(&self, to: MessageTo, text: &str, tone: Tone, name: Option<&str>) -> Result<SentMessage> {
        match &to {
            MessageTo::Everyone => self.authorise(Action::Announce)?,
            MessageTo::User { .. } => self.authorise(Action::Write)?,
            MessageTo::Job { job } => drop(self.open(*job, Action::Control).await?),
            MessageTo::Note { job } => drop(self.open(*job, Action::Write).await?),
        }
        let longest = if matches!(to, MessageTo::Note { .. }) { MAX_NOTE_LENGTH } else { MAX_MESSAGE_LENGTH };
        let (text, key) = (cleaned(text, longest)?, key(name)?);
        self.engine.store().send_message(NewMessage { by: self.by.clone(), to, text, tone, key }).await
    }

    /// Messages to everyone, to or from this user, and to the watchers of visible jobs; newest first, those
    /// before a number, at most `limit`.
    pub async fn messages(&self, before: Option<Seq>, limit: u32) -> Result<MessagePage> {
        self.authorise(Action::See)?;
        self.engine.store().messages(&self.visibility, before, limit).await
    }

    /// What a job is called, where it is visible.
    pub async fn title(&self, job: JobId) -> Result<String> {
        Ok(self.open(job, Action::See).await?.view.title)
    }
}

impl AuthorizedJob {
    /// The newest notes on it, newest first.
    pub async fn notes(&self, limit: u32) -> Result<Vec<MessageEvent>> {
        self.engine.store().notes(self.view.job, limit).await
    }
}
