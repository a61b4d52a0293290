//! Declared rules: who may start the jobs of a kind and see them, as its task declares.

use model::Role;
use rusqlite::params;

use super::{backend::WriteCommand, read::Reader, transaction::Transaction};
use crate::{Result, store::DeclaredRule};

/// Records the rules that tasks declare.
pub(super) struct DeclareRules {
    pub(super) rules: Vec<DeclaredRule>,
}

impl WriteCommand for DeclareRules {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        for DeclaredRule { kind, start, private } in &self.rules {
            transaction.execute(
                "insert into declared_rule (kind, start_role, private) values (?, ?, ?)
                on conflict (kind) do update set start_role = excluded.start_role, private = excluded.private
                where start_role is not excluded.start_role or private is not excluded.private",
                params![kind, start.as_str(), private],
            )?;
        }
        Ok(())
    }
}

impl Reader {
    pub(super) async fn declared_rules(&self) -> Result<Vec<DeclaredRule>> {
        let rows: Vec<(String, String, bool)> =
            sqlx::query_as("select kind, start_role, private from declared_rule order by kind")
                .fetch_all(self.pool())
                .await?;
        // An unknown role is read as the highest one, so that it grants nothing.
        let role = |word: &str| Role::from_word(word).unwrap_or(Role::Administrator);
        Ok(rows.into_iter().map(|(kind, start, private)| DeclaredRule { kind, start: role(&start), private }).collect())
    }
}
