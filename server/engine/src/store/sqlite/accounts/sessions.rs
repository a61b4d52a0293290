//! Web sessions and their owners.

use model::Micros;
use rusqlite::params;

use crate::{
    Result,
    store::{
        Attribution, SessionOwner, SessionRow, SessionsToEnd, UserId,
        rules::accounts::MIN_KEY_PREFIX,
        sqlite::{backend::WriteCommand, transaction::Transaction},
    },
};

/// Creates a session unless the key is taken.
pub(super) struct CreateSession {
    pub(super) key: Vec<u8>,
    pub(super) session: SessionRow,
}

impl WriteCommand for CreateSession {
    type Answer = bool;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<bool> {
        if let Some(owner) = &self.session.owner {
            transaction.find_user(owner.user)?;
        }
        transaction.add_session(&self.key, &self.session)
    }
}

/// Replaces a session, or creates it if it has no owner.
pub(super) struct SaveSession {
    pub(super) key: Vec<u8>,
    pub(super) session: SessionRow,
}

impl WriteCommand for SaveSession {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let SessionRow { data, expires, owner } = &self.session;
        let (user, device, since) = columns(owner.as_ref());
        let replaced = transaction.execute(
            "update session set data = ?, expires = ?, user = ?, device = ?, since = ?,
                used = iif(used > ?5, used, ?5)
            where key = ?",
            params![data, expires.0, user, device, since, self.key],
        )?;
        // A session with an owner that was ended during a request must not be created again at its end.
        if replaced == 0 && owner.is_none() {
            transaction.add_session(&self.key, &self.session)?;
        }
        Ok(())
    }
}

/// Deletes a session.
pub(super) struct DeleteSession {
    pub(super) key: Vec<u8>,
}

impl WriteCommand for DeleteSession {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let owned = transaction.execute("delete from session where key = ? and user is not null", [&self.key])?;
        if owned > 0 {
            return transaction.rights_changed();
        }
        transaction.execute("delete from session where key = ?", [&self.key])?;
        Ok(())
    }
}

/// Deletes expired and unused sessions. Returns how many.
pub(super) struct SweepSessions {
    pub(super) now: Micros,
    pub(super) idle_since: Micros,
}

impl WriteCommand for SweepSessions {
    type Answer = u64;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<u64> {
        let expired = transaction.execute("delete from session where expires <= ?", [self.now.0])?;
        let unused = transaction.execute(
            "delete from session indexed by session_by_use where user is not null and used < ?",
            [self.idle_since.0],
        )?;
        Ok((expired + unused) as u64)
    }
}

/// Ends sessions of a user. Returns how many.
pub(super) struct EndSessions {
    pub(super) user: UserId,
    pub(super) which: SessionsToEnd,
    pub(super) by: Attribution,
}

impl WriteCommand for EndSessions {
    type Answer = u64;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<u64> {
        let ended = transaction.end_sessions(self.user, &self.which)?;
        if ended > 0 {
            let name = transaction.find_user(self.user)?.name;
            transaction.rights_changed()?;
            transaction.audit(&self.by, "sessions_ended", None, &format!("{name}, {ended}"))?;
        }
        Ok(ended as u64)
    }
}

impl Transaction<'_> {
    /// Ends sessions of a user. Returns how many.
    pub(super) fn end_sessions(&self, user: UserId, which: &SessionsToEnd) -> Result<usize> {
        match which {
            SessionsToEnd::All => self.execute("delete from session where user = ?", [user.0]),
            SessionsToEnd::Others(key) => {
                self.execute("delete from session where user = ? and key <> ?", params![user.0, key])
            }
            SessionsToEnd::One(prefix) if prefix.len() < MIN_KEY_PREFIX => Ok(0),
            SessionsToEnd::One(prefix) => self.execute(
                "delete from session where user = ? and substr(key, 1, length(?2)) = ?2",
                params![user.0, prefix],
            ),
        }
    }

    fn add_session(&self, key: &[u8], session: &SessionRow) -> Result<bool> {
        let SessionRow { data, expires, owner } = session;
        let (user, device, since) = columns(owner.as_ref());
        let added = self.execute(
            "insert into session (key, data, expires, user, device, since, used) values (?, ?, ?, ?, ?, ?6, ?6)
            on conflict do nothing",
            params![key, data, expires.0, user, device, since],
        )?;
        Ok(added == 1)
    }
}

/// The columns `user`, `device` and `since`.
fn columns(owner: Option<&SessionOwner>) -> (Option<i64>, Option<&str>, Option<i64>) {
    owner.map_or((None, None, None), |owner| (Some(owner.user.0), Some(&owner.device), Some(owner.since.0)))
}
