//! Import fixture: a CSV file, and a comparison of its import in pieces with its import at once.

use std::fmt::Write;

use sqlx::{AssertSqlSafe, SqliteConnection};

/// A CSV file with one invalid record after every hundred.
pub(crate) fn orders_csv(rows: u32) -> String {
    let mut content = "id;name;price;day\n".to_owned();
    for id in 0..rows {
        let (price, day) = (id % 1_000, id % 28 + 1);
        writeln!(content, "{id};\"name\nof {id}\";{price}.5;2026-01-{day:02}").unwrap();
        if id % 100 == 99 {
            writeln!(content, "{id};too few").unwrap();
        }
    }
    content
}

/// The single value of a query on the database of imported tables.
pub(crate) async fn ask(imports: &mut SqliteConnection, query: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(imports).await.unwrap()
}

/// Asserts that the tables `pieces` and `whole` have the same rows in the same order, types and indexes.
pub(crate) async fn assert_same_tables(imports: &mut SqliteConnection) {
    for (one, other) in [("pieces", "whole"), ("whole", "pieces")] {
        let rows = format!("select count(*) from (select rowid, * from {one} except select rowid, * from {other})");
        assert_eq!(ask(imports, &rows).await, 0, "rows of {one} that {other} has not");
        let columns = format!(
            "select count(*) from (select * from pragma_table_info('{one}') except select * from pragma_table_info('{other}'))"
        );
        assert_eq!(ask(imports, &columns).await, 0, "columns of {one} that {other} has not");
    }
    let indexes = "select (select count(*) from pragma_index_list('pieces')) * 10 + (select count(*) from pragma_index_list('whole'))";
    assert_eq!(ask(imports, indexes).await, 11);
    let unfinished = "select count(*) from sqlite_schema where name like '!_staging!_%' escape '!'";
    assert_eq!(ask(imports, unfinished).await, 0, "nothing unfinished is left");
}
