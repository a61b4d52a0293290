//! Sign-in with name and password, and change of a password.

use std::{mem, net::IpAddr, time::Duration};

use engine::{
    Error, Result,
    access::Actor,
    store::{Attribution, AuditNote, User, UserChange, UserId},
};
use tokio::time::Instant;

use crate::{
    AuthService,
    field_errors::invalid_field,
    hashing::{Busy, Verification},
    passwords,
    throttle::{ClientNetwork, Refusal, Try},
    user_names,
};

/// Why a sign-in failed.
#[derive(Debug)]
pub enum SignInError {
    /// Wrong name or password. Does not reveal whether the user exists.
    WrongCredentials,
    /// The rate limit is reached.
    TooManyTries {
        /// Time until the next try is allowed.
        wait: Duration,
    },
    /// Too many other sign-ins wait for a hash.
    Busy,
    /// The store failed.
    Store(Error),
}

impl From<Busy> for SignInError {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl From<Error> for SignInError {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

/// A user who has just authenticated and has no session yet.
#[derive(Clone, Debug)]
pub struct AuthenticatedUser {
    /// The user, as stored at that moment.
    pub user: User,
    /// The stored hash of the password that was used.
    pub(crate) password_hash: String,
}

impl AuthService {
    /// Authenticates a user by name and password. Time and result are the same whether the user is unknown, removed,
    /// without a password yet, or has another one.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        address: Option<IpAddr>,
    ) -> Result<AuthenticatedUser, SignInError> {
        // All invalid names count as one, which no user has.
        let name = user_names::check(name).unwrap_or_default();
        let begun = match self.begin_try(&name, address) {
            Ok(begun) => begun,
            Err(refusal) => {
                if refusal.first {
                    self.note(Actor::Anonymous.attribution(address), "sign_in_throttled", self.loggable_name(&name))
                        .await?;
                }
                return Err(SignInError::TooManyTries { wait: refusal.wait });
            }
        };
        let Some((user, password_hash)) = self.finish_try(begun, &name, password).await? else {
            self.note(Actor::Anonymous.attribution(address), "sign_in_failed", self.loggable_name(&name)).await?;
            return Err(SignInError::WrongCredentials);
        };
        // The user may have been removed while the password was hashed.
        self.refresh().await?;
        let accounts = self.accounts();
        let Some(user) = accounts.user(user).filter(|user| user.removed_at.is_none()) else {
            return Err(SignInError::WrongCredentials);
        };
        self.note(accounts.actor(user.id).attribution(address), "signed_in", String::new()).await?;
        self.store().touch_user(user.id, Self::now());
        Ok(AuthenticatedUser { user: user.clone(), password_hash })
    }

    /// Whether the password that was used is still the user's. Call it after the session is stored: a change of the
    /// password ends only the sessions that are stored by then.
    pub async fn password_is_current(&self, authenticated: &AuthenticatedUser) -> Result<bool> {
        let stored = self.store().password(&authenticated.user.name).await?;
        Ok(stored.is_some_and(|(_, hash)| hash == authenticated.password_hash))
    }

    /// Changes a user's password. Ends all sessions of the user except `keep_session` (its key).
    ///
    /// # Errors
    /// `InvalidInput` names `old` if it is wrong or was tried too often, `new` if it is not allowed; `Refused`: `busy`,
    /// `no_such_user`.
    pub async fn change_password(
        &self,
        user: UserId,
        old: &str,
        new: &str,
        keep_session: Option<Vec<u8>>,
        by: &Attribution,
    ) -> Result<()> {
        let name = self.name_of(user)?;
        passwords::check(&name, new).map_err(|message| invalid_field("new", message))?;
        let begun = self.begin_try(&name, by.address).map_err(|refusal| {
            let seconds = refusal.wait.as_secs() + 1;
            invalid_field("old", format!("This was tried too often; wait {seconds} s before the next try."))
        })?;
        let from = match self.finish_try(begun, &name, old).await {
            Ok(Some((_, from))) => from,
            Ok(None) => {
                self.note(by.clone(), "password_mistaken", name.to_string()).await?;
                return Err(invalid_field("old", "This is not your password."));
            }
            Err(SignInError::Store(error)) => return Err(error),
            Err(SignInError::WrongCredentials | SignInError::TooManyTries { .. } | SignInError::Busy) => {
                return Err(busy());
            }
        };
        let change = UserChange::Password { hash: self.hash(new).await?, from: Some(from), keep: keep_session };
        self.store().change_user(user, change, by).await.map_err(|error| match error {
            Error::Refused { code: "password_changed", message } => invalid_field("old", message),
            error => error,
        })?;
        self.refresh().await
    }

    /// Returns the hash of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        self.hashing().hash(password).await.map_err(|Busy| busy())
    }

    /// Resets the rate limit of a user at an address from which the user has just authenticated.
    pub(crate) fn forgive_failures(&self, name: &str, address: Option<IpAddr>) {
        self.throttle().forgive(name, ClientNetwork::from(address), Instant::now().into_std());
    }

    /// Returns the name for the audit log; empty if no user has it, because people type passwords into that field.
    fn loggable_name(&self, name: &str) -> String {
        self.accounts().user_named(name).map(|user| user.name.to_string()).unwrap_or_default()
    }

    fn begin_try(&self, name: &str, address: Option<IpAddr>) -> Result<Try, Refusal> {
        self.throttle().begin(name, ClientNetwork::from(address), Instant::now().into_std())
    }

    /// Returns the user and the stored hash if the password is right, and updates the rate limit.
    async fn finish_try(
        &self,
        begun: Try,
        name: &str,
        password: &str,
    ) -> Result<Option<(UserId, String)>, SignInError> {
        let verified = match self.verify(name, password).await {
            Ok(verified) => verified,
            Err(error) => {
                self.throttle().abandon(begun);
                return Err(error);
            }
        };
        if verified.is_some() {
            self.throttle().succeed(begun, Instant::now().into_std());
        }
        Ok(verified)
    }

    async fn verify(&self, name: &str, password: &str) -> Result<Option<(UserId, String)>, SignInError> {
        let mut found = self.store().password(name).await?;
        // A longer password is never right, and hashing megabytes would be expensive.
        let password = if password.len() > passwords::LONGEST { "" } else { password };
        let stored = found.as_ref().map(|(_, hash)| hash.clone());
        match self.hashing().verify(stored, password).await? {
            Verification::Mismatch => Ok(None),
            Verification::Match { rehashed } => {
                if let (Some((user, stored)), Some(hash)) = (&mut found, rehashed) {
                    let change = UserChange::Rehash { hash: hash.clone(), from: mem::replace(stored, hash) };
                    self.store().change_user(*user, change, &Attribution::from(name)).await?;
                }
                Ok(found)
            }
        }
    }

    async fn note(&self, by: Attribution, what: &'static str, detail: String) -> Result<()> {
        self.store().add_audit_note(AuditNote { by, what, detail }).await
    }
}

fn busy() -> Error {
    let message = "Too many sign-ins at the moment; try again in a few seconds.".to_owned();
    Error::Refused { code: "busy", message }
}
