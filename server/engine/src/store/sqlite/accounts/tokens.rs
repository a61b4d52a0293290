//! Tokens of clients.

use model::Scope;
use rusqlite::params;

use crate::{
    Result,
    store::{
        Attribution, NewToken, TokenId,
        rules::accounts::{no_such_token, token_name_taken},
        sqlite::{backend::WriteCommand, error::corrupt, transaction::Transaction},
    },
};

/// Creates a token.
pub(super) struct AddToken {
    pub(super) token: NewToken,
    pub(super) by: Attribution,
}

impl WriteCommand for AddToken {
    type Answer = TokenId;

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<TokenId> {
        let NewToken { user, name, key, hint, scopes, expires } = &self.token;
        let owner = transaction.find_user(*user)?;
        let number = "select id from token where user = ? and name = ?";
        if transaction.row(number, params![user.0, name], |_| Ok(()))?.is_some() {
            return Err(token_name_taken(name));
        }
        let words: Vec<_> = scopes.iter().copied().map(Scope::as_str).collect();
        transaction.execute(
            "insert into token (key, user, name, hint, scopes, created_at, expires) values (?, ?, ?, ?, ?, ?, ?)",
            params![key, user.0, name, hint, words.join(" "), transaction.now.0, expires.map(|at| at.0)],
        )?;
        let token = transaction.row(number, params![user.0, name], |row| Ok(TokenId(row.get(0)?)))?;
        transaction.rights_changed()?;
        let detail = format!("{name} of {}, {}", owner.name, words.join(" and "));
        transaction.audit(&self.by, "token_made", None, &detail)?;
        token.ok_or_else(|| corrupt("a token", format!("{name} is not there")))
    }
}

/// Revokes a token.
pub(super) struct RevokeToken {
    pub(super) token: TokenId,
    pub(super) by: Attribution,
}

impl WriteCommand for RevokeToken {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let found = transaction.row(
            "select token.name || ' of ' || user.name from token join user on user.id = token.user where token.id = ?",
            [self.token.0],
            |row| Ok(row.get::<_, String>(0)?),
        )?;
        let name = found.ok_or_else(no_such_token)?;
        transaction.execute("delete from token where id = ?", [self.token.0])?;
        transaction.rights_changed()?;
        transaction.audit(&self.by, "token_revoked", None, &name)
    }
}
