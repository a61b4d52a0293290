//! The migrations of the schema, from `migrations/sqlite`. Listed by `build.rs`: `sqlx::migrate!` would compile sqlx and
//! `SQLite` a second time, for the compiler.

use std::sync::LazyLock;

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// File name and content of each.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

pub(super) static MIGRATIONS: LazyLock<Migrator> =
    LazyLock::new(|| Migrator::with_migrations(FILES.iter().map(|(name, sql)| migration(name, sql)).collect()));

/// The migration of a file `NUMBER_WORDS.sql`. Number, words and a digest of the content are kept in each database.
fn migration(name: &str, sql: &'static str) -> Migration {
    let (number, words) = name.split_once('_').unwrap_or((name, ""));
    let description = words.trim_end_matches(".sql").replace('_', " ");
    let version = number.parse().unwrap_or_default();
    let outside_transaction = sql.starts_with("-- no-transaction");
    Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), outside_transaction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_without_a_gap() {
        let versions: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, (1..=versions.len() as i64).collect::<Vec<_>>());
        assert!(!versions.is_empty());
    }

    #[test]
    fn name_of_a_file_is_its_number_and_description() {
        let migration = migration("0007_first_come.sql", "select 1");
        assert_eq!((migration.version, &*migration.description, migration.no_tx), (7, "first come", false));
    }
}
