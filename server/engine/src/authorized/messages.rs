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
    /// Sends a message to everyone, one user, or the watchers of a job; or adds a note to a job. Does not check that
    /// the user exists. A second call with the same `name` sends nothing.
    ///
    /// # Errors
    /// `Error::Denied`; `Error::NoSuchJob` also for a hidden job; `Error::InvalidInput` for `text` or `key`;
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

    /// Messages to everyone, to or from this user, and to the watchers of visible jobs: newest first, with numbers
    /// below `before`, at most `limit`.
    pub async fn messages(&self, before: Option<Seq>, limit: u32) -> Result<MessagePage> {
        self.authorise(Action::See)?;
        self.engine.store().messages(&self.visibility, before, limit).await
    }

    /// The title of a job, if it is visible.
    pub async fn title(&self, job: JobId) -> Result<String> {
        Ok(self.open(job, Action::See).await?.view.title)
    }
}

impl AuthorizedJob {
    /// The newest notes on a job, newest first.
    pub async fn notes(&self, limit: u32) -> Result<Vec<MessageEvent>> {
        self.engine.store().notes(self.view.job, limit).await
    }
}
