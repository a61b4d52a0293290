//! Names and passwords: signing in, and changing one's password.

use std::{mem, net::IpAddr, time::Duration};

use engine::{
    Error, Result,
    access::Actor,
    store::{By, Note, Person, PersonChange, UserId},
};
use tokio::time::Instant;

use crate::{
    Gatekeeper,
    fault::invalid,
    hashing::{Busy, Verdict},
    names, passwords,
    throttle::{Place, Refusal, Try},
};

/// Why somebody could not sign in.
#[derive(Debug)]
pub enum SignIn {
    /// The name or the password is wrong. Whether there is such a name is not told.
    Wrong,
    /// Too many tries.
    TooMany {
        /// When the next may come.
        wait: Duration,
    },
    /// Too many others are signing in right now.
    Busy,
    /// The store failed.
    Store(Error),
}

impl From<Busy> for SignIn {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl From<Error> for SignIn {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// Somebody who has just proved who they are, and has no session yet.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// Who.
    pub person: Person,
    /// The hash of the password by which they came.
    pub(crate) password: String,
}

impl Gatekeeper {
    /// Somebody with a name and a password. It takes as long and says the same whether there is no such person, they
    /// have been removed, have no password yet, or another one.
    pub async fn sign_in(&self, name: &str, password: &str, address: Option<IpAddr>) -> Result<Entrance, SignIn> {
        // What cannot be a name is counted as one: nobody has it.
        let account = names::check(name).unwrap_or_default();
        let begun = match self.begin(&account, address) {
            Ok(begun) => begun,
            Err(refusal) => {
                if refusal.first {
                    self.note(Actor::Nobody.by(address), "sign_in_throttled", self.name_to_note(&account)).await?;
                }
                return Err(SignIn::TooMany { wait: refusal.wait });
            }
        };
        let Some((user, password)) = self.judged(begun, &account, password).await? else {
            self.note(Actor::Nobody.by(address), "sign_in_failed", self.name_to_note(&account)).await?;
            return Err(SignIn::Wrong);
        };
        // They may have been removed while the password was hashed.
        self.refresh().await?;
        let directory = self.directory();
        let Some(person) = directory.person(user).filter(|person| person.removed_at.is_none()) else {
            return Err(SignIn::Wrong);
        };
        self.note(directory.actor(user).by(address), "signed_in", String::new()).await?;
        self.store().touch_person(user, Self::now());
        Ok(Entrance { person: person.clone(), password })
    }

    /// Whether the password by which somebody came is still theirs. Asked once their session is kept: a new password
    /// ends only those that are kept by then.
    pub async fn still_opens(&self, entrance: &Entrance) -> Result<bool> {
        let kept = self.store().password(&entrance.person.name).await?;
        Ok(kept.is_some_and(|(_, password)| password == entrance.password))
    }

    /// Chooses another password; all sessions of the person end but `keep_session` (its key).
    ///
    /// # Errors
    /// `InvalidInput` names `old` where it is wrong or was tried too often, `new` where it will not do; `Refused`: `busy`,
    /// `no_such_user`.
    pub async fn change_password(
        &self,
        user: UserId,
        old: &str,
        new: &str,
        keep_session: Option<Vec<u8>>,
        by: &By,
    ) -> Result<()> {
        let name = self.name_of(user)?;
        passwords::check(&name, new).map_err(|message| invalid("new", message))?;
        let begun = self.begin(&name, by.address).map_err(|refusal| {
            let seconds = refusal.wait.as_secs() + 1;
            invalid("old", format!("This was tried too often; wait {seconds} s before the next try."))
        })?;
        let from = match self.judged(begun, &name, old).await {
            Ok(Some((_, from))) => from,
            Ok(None) => {
                self.note(by.clone(), "password_mistaken", name.to_string()).await?;
                return Err(invalid("old", "This is not your password."));
            }
            Err(SignIn::Store(error)) => return Err(error),
            Err(SignIn::Wrong | SignIn::TooMany { .. } | SignIn::Busy) => return Err(busy()),
        };
        let change = PersonChange::Password { hash: self.hashed(new).await?, from: Some(from), keep: keep_session };
        self.store().change_person(user, change, by).await.map_err(|error| match error {
            Error::Refused { code: "password_changed", message } => invalid("old", message),
            error => error,
        })?;
        self.refresh().await
    }

    /// The hash of a password to be kept.
    pub(crate) async fn hashed(&self, password: &str) -> Result<String> {
        self.hasher().hash(password).await.map_err(|Busy| busy())
    }

    /// Forgives an account what was tried from an address where somebody has just proved who they are.
    pub(crate) fn welcome(&self, name: &str, address: Option<IpAddr>) {
        self.throttle().welcome(name, Place::from(address), Instant::now().into_std());
    }

    /// What the audit log keeps of a name that was typed: nothing unless it is a user's. Passwords end up in that field.
    fn name_to_note(&self, account: &str) -> String {
        self.directory().named(account).map(|person| person.name.to_string()).unwrap_or_default()
    }

    fn begin(&self, account: &str, address: Option<IpAddr>) -> Result<Try, Refusal> {
        self.throttle().begin(account, Place::from(address), Instant::now().into_std())
    }

    /// Whose password it is, and the hash that is kept of it, if it is the right one.
    async fn judged(&self, begun: Try, account: &str, password: &str) -> Result<Option<(UserId, String)>, SignIn> {
        let found = match self.verified(account, password).await {
            Ok(found) => found,
            Err(error) => {
                self.throttle().given_up(begun);
                return Err(error);
            }
        };
        if found.is_some() {
            self.throttle().succeeded(begun, Instant::now().into_std());
        }
        Ok(found)
    }

    async fn verified(&self, account: &str, password: &str) -> Result<Option<(UserId, String)>, SignIn> {
        let mut found = self.store().password(account).await?;
        // Nobody has a longer one, and nobody makes us hash megabytes.
        let password = if password.len() > passwords::LONGEST { "" } else { password };
        let kept = found.as_ref().map(|(_, hash)| hash.clone());
        match self.hasher().verify(kept, password).await? {
            Verdict::Wrong => Ok(None),
            Verdict::Right { rehashed } => {
                if let (Some((user, kept)), Some(hash)) = (&mut found, rehashed) {
                    let change = PersonChange::Rehash { hash: hash.clone(), from: mem::replace(kept, hash) };
                    self.store().change_person(*user, change, &By::from(account)).await?;
                }
                Ok(found)
            }
        }
    }

    async fn note(&self, by: By, what: &'static str, detail: String) -> Result<()> {
        self.store().note(Note { by, what, detail }).await
    }
}

fn busy() -> Error {
    let message = "Too many sign-ins at the moment; try again in a few seconds.".to_owned();
    Error::Refused { code: "busy", message }
}
