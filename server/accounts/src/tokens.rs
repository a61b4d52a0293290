//! API tokens: creation and revocation.

use engine::{
    Error, Result,
    store::{Attribution, NewToken, TokenId, UserId},
};
use model::{Micros, Scope};

use crate::{
    AuthService, Secret,
    field_errors::{field_error, name_taken, reject_any},
};

/// The longest name of a token, characters.
const LONGEST_NAME: usize = 80;

impl AuthService {
    /// Creates a token of a user.
    ///
    /// # Errors
    /// `InvalidInput` names `name`, `scopes`, `expires`; `Refused`: `no_such_user`.
    pub async fn make_token(
        &self,
        user: UserId,
        name: &str,
        mut scopes: Vec<Scope>,
        expires: Option<Micros>,
        by: &Attribution,
    ) -> Result<Secret> {
        let name = name.trim();
        scopes.sort_unstable();
        scopes.dedup();
        let mut errors = Vec::new();
        if let Err(message) = check_name(name) {
            errors.push(field_error("name", message));
        }
        if scopes.is_empty() {
            errors.push(field_error("scopes", "Choose what the token may be used for."));
        }
        if expires.is_some_and(|expires| expires <= Self::now()) {
            errors.push(field_error("expires", "This is over already; choose a time to come."));
        }
        reject_any(errors)?;
        let secret = Secret::token();
        let token = NewToken { user, name: name.to_owned(), key: secret.key(), hint: secret.hint(), scopes, expires };
        self.store().add_token(token, by).await.map_err(name_taken("name"))?;
        self.refresh().await?;
        Ok(secret)
    }

    /// Revokes a token; with `only_of`, only if it belongs to that user.
    ///
    /// # Errors
    /// `Refused`: `no_such_token`, also for a token of another user.
    pub async fn revoke_token(&self, token: TokenId, by: &Attribution, only_of: Option<UserId>) -> Result<()> {
        if only_of.is_some() && !self.store().tokens(only_of).await?.iter().any(|own| own.id == token) {
            let message = "There is no such token any more.".to_owned();
            return Err(Error::Refused { code: "no_such_token", message });
        }
        self.store().revoke_token(token, by).await?;
        self.refresh().await
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 {
        return Err("Say what the token is for, such as nightly import.".to_owned());
    }
    if length > LONGEST_NAME {
        return Err(format!("A name has at most {LONGEST_NAME} characters; this one has {length}."));
    }
    if name.chars().any(char::is_control) {
        return Err("A name is one line of text.".to_owned());
    }
    Ok(())
}
