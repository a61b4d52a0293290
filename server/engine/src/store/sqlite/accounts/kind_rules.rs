//! Rules of kinds: who may start a kind and see its jobs.

use model::Role;
use rusqlite::params;

use crate::{
    Result,
    store::{
        Attribution, KindRule,
        rules::accounts::kind_rule_detail,
        sqlite::{backend::WriteCommand, transaction::Transaction},
    },
};

/// Sets the rule of a kind.
pub(super) struct ChangeKindRule {
    pub(super) rule: KindRule,
    pub(super) by: Attribution,
}

impl WriteCommand for ChangeKindRule {
    type Answer = ();

    fn run(&self, transaction: &mut Transaction<'_>) -> Result<()> {
        let KindRule { kind, start, private } = &self.rule;
        let changed = if start.is_none() && private.is_none() {
            transaction.execute("delete from kind_rule where kind = ?", [kind])?
        } else {
            transaction.execute(
                "insert into kind_rule (kind, start_role, private) values (?, ?, ?)
                on conflict (kind) do update set start_role = excluded.start_role, private = excluded.private
                where start_role is not excluded.start_role or private is not excluded.private",
                params![kind, start.map(Role::as_str), private],
            )?
        };
        if changed > 0 {
            transaction.rights_changed()?;
            transaction.audit(&self.by, "kind_rule_changed", None, &kind_rule_detail(&self.rule))?;
        }
        Ok(())
    }
}
