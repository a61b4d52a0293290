//! `import-csv`, judged by the database it fills.

use model::JobState;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::support::harness::TaskHarness;

/// The database of imported tables, as another program sees it.
async fn database(harness: &TaskHarness) -> SqliteConnection {
    SqliteConnectOptions::new().filename(harness.engine.data_dir().imports()).connect().await.unwrap()
}

/// The one value that a query answers.
async fn ask(harness: &TaskHarness, query: &str) -> String {
    let query = format!("select cast(({query}) as text)");
    let answer: Option<String> =
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut database(harness).await).await.unwrap();
    answer.unwrap_or_else(|| "null".to_owned())
}

/// All tables of the database but Milepost's list of what was published.
async fn tables(harness: &TaskHarness) -> String {
    let query = "select group_concat(name) from sqlite_schema
                 where type = 'table' and name not in ('_imports', 'sqlite_stat1', 'sqlite_stat4')";
    ask(harness, query).await
}

async fn input(harness: &TaskHarness, content: impl AsRef<[u8]>, more: Value) -> Value {
    let mut input = json!({ "file": harness.upload("orders.csv", content).await, "table": "orders" });
    input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    input
}

const ORDERS: &str = "id;name;price;paid;day;note\n\
                      1;\"Müller; Söhne\";1.50;true;2026-01-31;\n\
                      2;\"said \"\"no\"\"\";-20;FALSE;2026-02-01;007\n";

#[tokio::test]
async fn delimiter_header_and_types_are_detected() {
    let harness = TaskHarness::open().await;
    let ended = harness.succeed("import-csv", input(&harness, format!("\u{feff}{ORDERS}"), json!({})).await).await;
    assert_eq!(
        ended.output["columns"],
        json!([
            { "name": "id", "type": "integer" },
            { "name": "name", "type": "text" },
            { "name": "price", "type": "real" },
            { "name": "paid", "type": "boolean" },
            { "name": "day", "type": "date" },
            { "name": "note", "type": "text" },
        ])
    );
    assert_eq!(ended.output["delimiter"], "semicolons");
    assert_eq!((ended.output["rows_read"].as_u64(), ended.output["rows_loaded"].as_u64()), (Some(2), Some(2)));
    assert_eq!(ask(&harness, "select sum(id) || ' ' || sum(price) || ' ' || sum(paid) from orders").await, "3 -18.5 1");
    assert_eq!(ask(&harness, "select group_concat(name, '|') from orders").await, "Müller; Söhne|said \"no\"");
    assert_eq!(ask(&harness, "select group_concat(typeof(note) || note) from orders").await, "text,text007");
    assert_eq!(harness.table(ended.view.job, "rejected.csv").await, [["line", "reason", "record"]]);
    assert_eq!(tables(&harness).await, "orders");
}

#[tokio::test]
async fn invalid_records_are_skipped_and_listed_unchanged() {
    let harness = TaskHarness::open().await;
    let content = b"a,b\n1,2\n3\n4,5,6\n7,\"8\"9\n=cmd,\"\xff\n\"x\ny\",\"open\n10,11\n";
    let ended = harness.succeed("import-csv", input(&harness, content, json!({ "header": "yes" })).await).await;
    let rows = harness.table(ended.view.job, "rejected.csv").await;
    let brief: Vec<(&str, &str)> = rows[1..].iter().map(|row| (row[0].as_str(), row[2].as_str())).collect();
    assert_eq!(
        brief,
        [("3", "3"), ("4", "4,5,6"), ("5", "7,\"8\"9"), ("6", "'=cmd,\"\u{fffd}"), ("7", "\"x"), ("8", "y\",\"open"),]
    );
    assert_eq!(rows[2][1], "expected 2 fields, found 3");
    assert_eq!((ended.output["rows_loaded"].as_u64(), ended.output["rows_rejected"].as_u64()), (Some(2), Some(6)));
    assert_eq!(ended.view.progress.warnings, 6);
    assert_eq!(ask(&harness, "select group_concat(a || '-' || b) from orders").await, "1-2,10-11");
}

#[tokio::test]
async fn sample_file_loads_except_five_broken_records() {
    let harness = TaskHarness::open().await;
    let sample = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../end2end/samples/orders.csv")).unwrap();
    let ended = harness.succeed("import-csv", input(&harness, sample, json!({})).await).await;
    assert_eq!((ended.output["rows_loaded"].as_u64(), ended.output["rows_rejected"].as_u64()), (Some(995), Some(5)));
    let types: Vec<&str> =
        ended.output["columns"].as_array().unwrap().iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["integer", "date", "text", "text", "integer", "real", "boolean", "text"]);
}

#[tokio::test]
async fn many_invalid_records_hide_no_valid_one() {
    let harness = TaskHarness::open().await;
    // More text than one batch holds.
    let content = format!("a,b\n1,2\n{}3,4\n", format!("{}\n", "x".repeat(100_000)).repeat(100));
    let ended = harness.succeed("import-csv", input(&harness, content, json!({})).await).await;
    assert_eq!((ended.output["rows_loaded"].as_u64(), ended.output["rows_rejected"].as_u64()), (Some(2), Some(100)));
    assert_eq!(ask(&harness, "select group_concat(a || '-' || b) from orders").await, "1-2,3-4");
}

#[tokio::test]
async fn fail_on_first_invalid_record_imports_nothing() {
    let harness = TaskHarness::open().await;
    let input = input(&harness, "a,b\n1,2\n3\n4,5\n6\n", json!({ "on_error": "stop" })).await;
    let (job, code, message) = harness.fail("import-csv", input).await;
    assert_eq!(code, "bad_record");
    assert!(message.starts_with("Line 3:"), "{message}");
    let rows = harness.table(job, "rejected.csv").await;
    assert_eq!(rows[1..], [["3", "expected 2 fields, found 1", "3"]]);
    assert_eq!(tables(&harness).await, "null");
}

#[tokio::test]
async fn existing_table_is_rejected_appended_or_replaced() {
    let harness = TaskHarness::open().await;
    harness.succeed("import-csv", input(&harness, "id,name\n1,a\n", json!({})).await).await;

    let (_, code, _) = harness.fail("import-csv", input(&harness, "id,name\n2,b\n", json!({})).await).await;
    assert_eq!(code, "table_exists");
    assert_eq!(ask(&harness, "select group_concat(id) from orders").await, "1");

    // Other order, other letter case, and a value that is not of the table's type.
    let more = input(&harness, "NAME,ID\nb,2\nc,three\n", json!({ "if_exists": "append" })).await;
    let ended = harness.succeed("import-csv", more).await;
    assert_eq!(ended.output["rows_rejected"], 1);
    let rows = harness.table(ended.view.job, "rejected.csv").await;
    assert_eq!(rows[1][1], "\"three\" in column id is not of type integer");
    assert_eq!(ask(&harness, "select group_concat(id || name) from orders").await, "1a,2b");

    let other = input(&harness, "id,city\n3,x\n", json!({ "if_exists": "append" })).await;
    let (_, code, message) = harness.fail("import-csv", other).await;
    assert_eq!(code, "columns_differ");
    assert!(message.contains("city") && message.contains("id, name"), "{message}");

    harness.succeed("import-csv", input(&harness, "id,city\n3,x\n", json!({ "if_exists": "replace" })).await).await;
    assert_eq!(ask(&harness, "select group_concat(id || city) from orders").await, "3x");
    assert_eq!(tables(&harness).await, "orders");
}

#[tokio::test]
async fn cancelled_import_keeps_staging_table_only_with_checkpoint() {
    let harness = TaskHarness::without_checkpoints().await;
    let content: String = std::iter::once("id,text\n".to_owned())
        .chain((0..400_000).map(|id| format!("{id},the text of row {id}\n")))
        .collect();
    let job = harness.start("import-csv", input(&harness, content, json!({})).await).await;
    let loads = |view: &model::JobView| view.progress.stage.as_ref().is_some_and(|stage| stage.index == 1);
    harness.when(job, |view| loads(view) && view.progress.value > 0).await;
    assert_eq!(tables(&harness).await, format!("_staging_{job}_1"));
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    // It makes a last one when it is asked to stop, unless that meets it in the middle of a statement.
    let checkpoint = harness.engine.store().checkpoint(job).await.unwrap();
    let counts = checkpoint.is_some_and(|made| serde_json::from_str::<Value>(&made.data).unwrap()["rows"].is_u64());
    assert_eq!(tables(&harness).await, if counts { format!("_staging_{job}_1") } else { "null".to_owned() });
}

#[tokio::test]
async fn concurrent_imports_do_not_interfere() {
    let harness = TaskHarness::open().await;
    let mut jobs = Vec::new();
    for number in 0..4 {
        let content: String =
            std::iter::once("id\n".to_owned()).chain((0..20_000).map(|id| format!("{id}\n"))).collect();
        let table = json!({ "table": format!("t{number}"), "header": "yes" });
        jobs.push(harness.start("import-csv", input(&harness, content, table).await).await);
    }
    for (number, job) in jobs.into_iter().enumerate() {
        let ended = harness.ended(job).await;
        assert_eq!(ended.view.state, JobState::Succeeded, "{:?}", ended.view.failure);
        assert_eq!(ask(&harness, &format!("select count(*) from t{number}")).await, "20000");
    }
}

#[tokio::test]
async fn other_file_formats_are_rejected_with_advice() {
    let harness = TaskHarness::open().await;
    let utf_16: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide = format!("{}\n", vec!["x"; 2_001].join(","));
    let cases: [(&[u8], &str, &str); 8] = [
        (b"", "empty_file", "empty"),
        (b"\n\r\n", "empty_file", "empty"),
        (&utf_16, "not_utf8", "UTF-16"),
        (b"name,city\nM\xfcller,K\xf6ln\n", "not_utf8", "iconv -f WINDOWS-1252"),
        (b"PK\x03\x04rest", "not_csv", "spreadsheet"),
        (b"a,b\rc,d\r", "line_ends", "tr"),
        (wide.as_bytes(), "too_many_columns", "2,000"),
        (b"a,b,c\n1,2\n3,4\n", "bad_csv", "delimiter"),
    ];
    for (content, code, remedy) in cases {
        let (_, found, message) = harness.fail("import-csv", input(&harness, content, json!({})).await).await;
        assert_eq!(found, code, "{message}");
        assert!(message.contains(remedy), "{message}");
    }
    assert_eq!(tables(&harness).await, "null");
}

#[tokio::test]
async fn column_names_become_unique_and_keep_special_characters() {
    let harness = TaskHarness::open().await;
    let content = "a,A,,\"he said \"\"x\"\"\",select\n1,2,3,4,5\n";
    let ended = harness.succeed("import-csv", input(&harness, content, json!({})).await).await;
    let columns = ended.output["columns"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "A_2", "column_3", "he said \"x\"", "select"]);
    assert_eq!(
        ask(&harness, "select a + \"A_2\" + column_3 + \"he said \"\"x\"\"\" + \"select\" from orders").await,
        "15"
    );
}

#[tokio::test]
async fn table_with_most_columns_loads() {
    let harness = TaskHarness::open().await;
    let line = |row: usize| (0..2_000).map(|n| (n * row).to_string()).collect::<Vec<_>>().join(",");
    let content: String = (0..100).map(|row| line(row) + "\n").collect();
    let ended = harness.succeed("import-csv", input(&harness, content, json!({ "header": "no" })).await).await;
    assert_eq!(ended.output["rows_loaded"], 100);
    assert_eq!(ask(&harness, "select sum(column_2000) from orders").await, (1999 * 4950).to_string());
}

#[tokio::test]
async fn indexes_are_built_on_the_given_columns() {
    let harness = TaskHarness::open().await;
    let more = json!({ "index": "PAID, day" });
    harness.succeed("import-csv", input(&harness, ORDERS, more).await).await;
    let indexed = "select group_concat(info.name)
                   from pragma_index_list('orders') as list, pragma_index_info(list.name) as info";
    assert_eq!(ask(&harness, indexed).await, "day,paid");
    let more = json!({ "index": "colour", "table": "others" });
    let (_, code, message) = harness.fail("import-csv", input(&harness, ORDERS, more).await).await;
    assert_eq!(code, "no_such_column");
    assert!(message.contains("colour"), "{message}");
}

#[tokio::test]
async fn staging_table_of_dead_attempt_is_dropped() {
    let harness = TaskHarness::open().await;
    let leftover = "create table _staging_77_1 (x)";
    harness.succeed("import-csv", input(&harness, ORDERS, json!({})).await).await;
    sqlx::query(leftover).execute(&mut database(&harness).await).await.unwrap();
    harness.succeed("import-csv", input(&harness, ORDERS, json!({ "table": "others" })).await).await;
    assert_eq!(tables(&harness).await, "orders,others");
}

#[tokio::test]
async fn published_import_is_not_published_again() {
    let harness = TaskHarness::open().await;
    let first = harness.succeed("import-csv", input(&harness, "id,name\n1,a\n", json!({})).await).await;
    let input = input(&harness, "id,name\n2,b\n", json!({ "if_exists": "append" })).await;
    // As if the next job had been killed between its publishing and its end.
    let note = "insert into _imports (job, upload, target) values (?, ?, 'orders')";
    let next = sqlx::query(note).bind(first.view.job.0 + 1).bind(input["file"].as_str().unwrap());
    next.execute(&mut database(&harness).await).await.unwrap();
    let ended = harness.succeed("import-csv", input).await;
    assert_eq!(ended.view.job.0, first.view.job.0 + 1);
    assert_eq!(ended.output["rows_loaded"], 1);
    assert_eq!(ask(&harness, "select group_concat(id) from orders").await, "1");
    assert_eq!(tables(&harness).await, "orders");
}

#[tokio::test]
async fn invalid_table_name_is_a_field_error() {
    let harness = TaskHarness::open().await;
    for name in ["", "1st", "a b", "_staging_1_1", "sqlite_x", "a\"; drop table x", "ä"] {
        let refused = harness.try_start("import-csv", input(&harness, ORDERS, json!({ "table": name })).await).await;
        let Err(engine::Error::InvalidInput(errors)) = refused else { panic!("{name} must be refused") };
        assert_eq!(errors[0].field, "table");
    }
}
