//! Users, their links, sessions and tokens, and the rules of kinds.

use std::{fmt::Write as _, sync::Arc};

use model::{Micros, Role, Scope};
use serde_json::Value;
use sqlx::{Row, sqlite::SqliteRow};

use super::Reader;
use crate::{
    Result,
    store::{
        KindRule, LinkFor, SessionInfo, SessionOwner, SessionRow, Token, TokenId, User, UserId, sqlite::error::corrupt,
    },
};

/// The columns that [`token`] reads, of `token` and its owner.
macro_rules! tokens {
    () => {
        "select token.id, token.user, user.name, token.name, token.hint, token.scopes, token.created_at, token.expires,
            token.used_at
        from token join user on user.id = token.user and user.removed_at is null"
    };
}

impl Reader {
    pub(in crate::store::sqlite) async fn access_version(&self) -> Result<i64> {
        Ok(sqlx::query_scalar("select access from ledger").fetch_one(&self.pool).await?)
    }

    pub(in crate::store::sqlite) async fn users(&self) -> Result<Vec<User>> {
        let rows = sqlx::query(
            "select id, name, role, time_zone, password is not null, created_at, seen_at, removed_at, display_name
            from user order by name",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(User {
                    id: UserId(row.try_get(0)?),
                    name: text(row, 1)?,
                    display_name: row.try_get::<Option<&str>, _>(8)?.map(Arc::from),
                    role: role(row.try_get(2)?)?,
                    time_zone: row.try_get(3)?,
                    active: row.try_get(4)?,
                    created_at: Micros(row.try_get(5)?),
                    seen_at: time(row, 6)?,
                    removed_at: time(row, 7)?,
                })
            })
            .collect()
    }

    pub(in crate::store::sqlite) async fn password(&self, name: &str) -> Result<Option<(UserId, String)>> {
        let found: Option<(i64, String)> = sqlx::query_as(
            "select id, password from user where name = ? and password is not null and removed_at is null",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.map(|(user, hash)| (UserId(user), hash)))
    }

    pub(in crate::store::sqlite) async fn link(&self, key: &[u8]) -> Result<Option<LinkFor>> {
        let found: Option<Option<String>> = sqlx::query_scalar(
            "select user.name from link left join user on user.id = link.user
            where link.key = ? and link.expires > ? and (link.user is not null or not exists (
                select 1 from user as other where other.role = 'administrator' and other.password is not null
            ))",
        )
        .bind(key)
        .bind(self.clock.now().0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(found.map(|name| name.map_or(LinkFor::Setup, |name| LinkFor::User(name.into()))))
    }

    pub(in crate::store::sqlite) async fn load_session(
        &self,
        key: &[u8],
        now: Micros,
        idle_since: Micros,
    ) -> Result<Option<SessionRow>> {
        let row = sqlx::query(
            "select user, device, since, used, data, expires from session
            where key = ? and expires > ? and (user is null or used >= ?)",
        )
        .bind(key)
        .bind(now.0)
        .bind(idle_since.0)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let owner = if row.try_get::<Option<i64>, _>(0)?.is_some() { Some(owner(&row)?) } else { None };
        Ok(Some(SessionRow { data: row.try_get(4)?, expires: Micros(row.try_get(5)?), owner }))
    }

    pub(in crate::store::sqlite) async fn session_owners(
        &self,
        keys: &[[u8; 32]],
        now: Micros,
        idle_since: Micros,
    ) -> Result<Vec<([u8; 32], SessionOwner)>> {
        let hex = |key: &[u8; 32]| {
            key.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        };
        let keys: Value = keys.iter().map(hex).collect();
        let rows = sqlx::query(
            "select user, device, since, used, key from session
            where key in (select unhex(value) from json_each(?)) and expires > ? and user is not null and used >= ?",
        )
        .bind(keys.to_string())
        .bind(now.0)
        .bind(idle_since.0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                let key = <[u8; 32]>::try_from(row.try_get::<&[u8], _>(4)?);
                Ok((key.map_err(|error| corrupt("the key of a session", error))?, owner(row)?))
            })
            .collect()
    }

    pub(in crate::store::sqlite) async fn sessions(&self, user: UserId) -> Result<Vec<SessionInfo>> {
        let rows = sqlx::query(
            "select key, device, since, used from session where user = ? and expires > ? order by used desc, since desc",
        )
        .bind(user.0)
        .bind(self.clock.now().0)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(SessionInfo {
                    key: row.try_get(0)?,
                    device: row.try_get(1)?,
                    since: Micros(row.try_get(2)?),
                    used: Micros(row.try_get(3)?),
                })
            })
            .collect()
    }

    pub(in crate::store::sqlite) async fn token(&self, key: &[u8], now: Micros) -> Result<Option<Token>> {
        let row =
            sqlx::query(concat!(tokens!(), " where token.key = ? and (token.expires is null or token.expires > ?)"))
                .bind(key)
                .bind(now.0)
                .fetch_optional(&self.pool)
                .await?;
        row.as_ref().map(token).transpose()
    }

    pub(in crate::store::sqlite) async fn tokens(&self, user: Option<UserId>) -> Result<Vec<Token>> {
        let rows = sqlx::query(concat!(tokens!(), " where ?1 is null or token.user = ?1 order by token.id desc"))
            .bind(user.map(|user| user.0))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(token).collect()
    }

    pub(in crate::store::sqlite) async fn kind_rules(&self) -> Result<Vec<KindRule>> {
        let rows: Vec<(String, Option<String>, Option<bool>)> =
            sqlx::query_as("select kind, start_role, private from kind_rule order by kind")
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter()
            .map(|(kind, start, private)| {
                Ok(KindRule { kind, start: start.as_deref().map(role).transpose()?, private })
            })
            .collect()
    }
}

/// Reads `user, device, since, used` of a session with an owner.
fn owner(row: &SqliteRow) -> Result<SessionOwner> {
    Ok(SessionOwner {
        user: UserId(row.try_get(0)?),
        device: row.try_get(1)?,
        since: Micros(row.try_get(2)?),
        used: Micros(row.try_get(3)?),
    })
}

/// Reads the columns of [`tokens!`].
fn token(row: &SqliteRow) -> Result<Token> {
    let scope = |word: &str| Scope::from_word(word).ok_or_else(|| corrupt("a token's scopes", word));
    Ok(Token {
        id: TokenId(row.try_get(0)?),
        user: UserId(row.try_get(1)?),
        user_name: text(row, 2)?,
        name: text(row, 3)?,
        hint: row.try_get(4)?,
        scopes: row.try_get::<&str, _>(5)?.split_whitespace().map(scope).collect::<Result<_>>()?,
        created_at: Micros(row.try_get(6)?),
        expires: time(row, 7)?,
        used_at: time(row, 8)?,
    })
}

fn role(word: &str) -> Result<Role> {
    Role::from_word(word).ok_or_else(|| corrupt("a role", word))
}

fn text(row: &SqliteRow, column: usize) -> Result<Arc<str>> {
    Ok(row.try_get::<&str, _>(column)?.into())
}

fn time(row: &SqliteRow, column: usize) -> Result<Option<Micros>> {
    Ok(row.try_get::<Option<i64>, _>(column)?.map(Micros))
}
