//! Tokens: how programs come in.

use engine::{
    Error, Result,
    store::{By, NewToken, TokenId, UserId},
};
use model::{Micros, Scope};

use crate::{
    Gatekeeper, Secret,
    fault::{all, fault, name_taken},
};

/// The longest name of a token, characters.
const LONGEST: usize = 80;

impl Gatekeeper {
    /// Makes a token of a person's.
    ///
    /// # Errors
    /// `InvalidInput` names `name`, `scopes`, `expires`; `Refused`: `no_such_user`.
    pub async fn make_token(
        &self,
        user: UserId,
        name: &str,
        mut scopes: Vec<Scope>,
        expires: Option<Micros>,
        by: &By,
    ) -> Result<Secret> {
        let name = name.trim();
        scopes.sort_unstable();
        scopes.dedup();
        let mut faults = Vec::new();
        if let Err(message) = check_name(name) {
            faults.push(fault("name", message));
        }
        if scopes.is_empty() {
            faults.push(fault("scopes", "Choose what the token may be used for."));
        }
        if expires.is_some_and(|expires| expires <= Self::now()) {
            faults.push(fault("expires", "This is over already; choose a time to come."));
        }
        all(faults)?;
        let secret = Secret::token();
        let token = NewToken { user, name: name.to_owned(), key: secret.key(), hint: secret.hint(), scopes, expires };
        self.store().add_token(token, by).await.map_err(name_taken)?;
        self.refresh().await?;
        Ok(secret)
    }

    /// Ends a token: any, or only one of `only_of`'s.
    ///
    /// # Errors
    /// `Refused`: `no_such_token`, also where it is somebody else's.
    pub async fn revoke_token(&self, token: TokenId, by: &By, only_of: Option<UserId>) -> Result<()> {
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
    if length > LONGEST {
        return Err(format!("A name has at most {LONGEST} characters; this one has {length}."));
    }
    if name.chars().any(char::is_control) {
        return Err("A name is one line of text.".to_owned());
    }
    Ok(())
}
