//! `sql-export`: what comes out, and what no query gets.

use std::{
    fs::File,
    io::Write,
    time::{Duration, Instant},
};

use model::{JobId, JobState};
use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::Field,
};
use serde_json::{Value, json};

use crate::support::harness::TaskHarness;

const ORDERS: &str = "id,name,price,paid,day,note\n\
                      1,\"Müller, Söhne\",1.5,true,2026-01-31,\n\
                      2,\"said \"\"no\"\"\",-20,false,1969-12-31,=1+1\n\
                      3,,,,,-5\n";

/// A harness with the table `orders`.
async fn harness() -> TaskHarness {
    let harness = TaskHarness::open().await;
    let file = harness.upload("orders.csv", ORDERS).await;
    harness.succeed("import-csv", json!({ "file": file, "table": "orders" })).await;
    harness
}

async fn refused(harness: &TaskHarness, query: &str) -> (String, String) {
    let (_, code, message) = harness.fail("sql-export", json!({ "query": query })).await;
    (code, message)
}

/// The rows of a Parquet file.
async fn rows(harness: &TaskHarness, job: JobId) -> Vec<Vec<(String, Field)>> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&harness.artifact(job, "export.parquet").await).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

#[tokio::test]
async fn csv_has_table_values_and_no_formula() {
    let harness = harness().await;
    let ended = harness.succeed("sql-export", json!({ "query": "select * from orders order by id;" })).await;
    let text = String::from_utf8(harness.artifact(ended.view.job, "export.csv").await).unwrap();
    assert_eq!(
        text,
        "id,name,price,paid,day,note\r\n\
         1,\"Müller, Söhne\",1.5,true,2026-01-31,\"\"\r\n\
         2,\"said \"\"no\"\"\",-20.0,false,1969-12-31,'=1+1\r\n\
         3,\"\",,,,-5\r\n"
    );
    assert_eq!((ended.output["rows"].as_u64(), ended.output["bytes"].as_u64()), (Some(3), Some(text.len() as u64)));
    assert_eq!(ended.output["columns"][3], json!({ "name": "paid", "type": "boolean" }));
    assert_eq!(
        (ended.view.progress.value, ended.view.progress.max, ended.view.progress.unit.as_str()),
        (3, None, "rows")
    );

    let query = "select null, '', 'a\nb', x'00ff', ' ', '\"' union all select null, 1e300, -5, 'x', '-x', '\t'";
    let ended = harness.succeed("sql-export", json!({ "query": query })).await;
    let text = String::from_utf8(harness.artifact(ended.view.job, "export.csv").await).unwrap();
    let rows = text.split_once("\r\n").unwrap().1;
    assert_eq!(rows, ",\"\",\"a\nb\",00ff, ,\"\"\"\"\r\n,1e300,-5,x,'-x,'\t\r\n", "nothing is not an empty text");

    let kept = json!({ "query": "select note as \"=a\" from orders where id = 2", "formulas": "keep" });
    let ended = harness.succeed("sql-export", kept).await;
    assert_eq!(harness.artifact(ended.view.job, "export.csv").await, b"=a\r\n=1+1\r\n");
}

#[tokio::test]
async fn export_can_be_imported_again() {
    let harness = harness().await;
    let exported = harness.succeed("sql-export", json!({ "query": "select * from orders", "formulas": "keep" })).await;
    let file = harness.upload("again.csv", harness.artifact(exported.view.job, "export.csv").await).await;
    let again = harness.succeed("import-csv", json!({ "file": file, "table": "again" })).await;
    assert_eq!(again.output["columns"], exported.output["columns"]);
    let query = "select * from orders except select * from again";
    assert_eq!(harness.succeed("sql-export", json!({ "query": query })).await.output["rows"], 0);
}

#[tokio::test]
async fn parquet_has_types_of_tables_and_first_rows() {
    let harness = harness().await;
    let query = "select *, id * 2 as twice, id / 2.0, x'00ff' as raw, case id when 1 then 'a' else id end as mixed, \
                 null as missing, id from orders order by id";
    let ended = harness.succeed("sql-export", json!({ "query": query, "format": "parquet" })).await;
    let types: Vec<(&str, &str)> = ended.output["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (column["name"].as_str().unwrap(), column["type"].as_str().unwrap()))
        .collect();
    assert_eq!(
        types,
        [
            ("id", "integer"),
            ("name", "text"),
            ("price", "real"),
            ("paid", "boolean"),
            ("day", "date"),
            ("note", "text"),
            ("twice", "integer"),
            ("id / 2.0", "real"),
            ("raw", "bytes"),
            ("mixed", "text"),
            ("missing", "text"),
            ("id_2", "integer"),
        ]
    );
    let rows = rows(&harness, ended.view.job).await;
    let row = |at: usize| rows[at].iter().map(|(_, field)| field.clone()).collect::<Vec<Field>>();
    let text = |text: &str| Field::Str(text.to_owned());
    let raw = || Field::Bytes(vec![0, 255].into());
    assert_eq!(rows.len(), 3);
    assert_eq!(
        row(1),
        [
            Field::Long(2),
            text("said \"no\""),
            Field::Double(-20.0),
            Field::Bool(false),
            Field::Date(-1),
            text("=1+1"),
            Field::Long(4),
            Field::Double(1.0),
            raw(),
            text("2"),
            Field::Null,
            Field::Long(2),
        ]
    );
    assert_eq!(row(2)[1..6], [text(""), Field::Null, Field::Null, Field::Null, text("-5")]);
}

#[tokio::test]
async fn value_of_another_type_fails_parquet_with_its_row() {
    let harness = harness().await;
    let numbers = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)";
    let query = format!("{numbers} select case i when 4321 then 'here' else i end as i from n");
    let (_, code, message) = harness.fail("sql-export", json!({ "query": query, "format": "parquet" })).await;
    assert_eq!(code, "mixed_types");
    assert!(
        message.starts_with("row 4,321: column i holds the text \"here\", and whole numbers before it"),
        "{message}"
    );
    let query = format!("{numbers} select cast(case i when 4321 then 'here' else i end as text) as i from n");
    let ended = harness.succeed("sql-export", json!({ "query": query, "format": "parquet" })).await;
    assert_eq!((ended.output["rows"].as_u64(), rows(&harness, ended.view.job).await.len()), (Some(5_000), 5_000));
}

#[tokio::test]
async fn empty_result_is_a_file_with_header() {
    let harness = harness().await;
    for format in ["csv", "parquet"] {
        let query = "select id, name from orders where id > 9";
        let ended = harness.succeed("sql-export", json!({ "query": query, "format": format })).await;
        assert_eq!((ended.output["rows"].as_u64(), ended.output["columns"].as_array().unwrap().len()), (Some(0), 2));
    }
}

#[tokio::test]
async fn query_can_only_read() {
    let harness = harness().await;
    let other = harness.root().join("other.db");
    File::create(&other).unwrap();
    let before = harness.succeed("sql-export", json!({ "query": "select name, sql from sqlite_schema" })).await;
    let schema = harness.artifact(before.view.job, "export.csv").await;
    for (query, hint) in [
        ("delete from orders", "not authorized"),
        ("insert into orders (id) values (9)", "not authorized"),
        ("update orders set id = 1 returning id", "not authorized"),
        ("drop table orders", "not authorized"),
        ("create table x (y)", "not authorized"),
        ("create temp table x as select 1", "not authorized"),
        ("pragma user_version = 7", "not authorized"),
        ("pragma table_info(orders)", "not authorized"),
        ("select * from pragma_table_info('orders')", "imported tables"),
        ("select * from pragma_database_list", "imported tables"),
        ("begin", "not authorized"),
        ("vacuum into '/tmp/stolen.db'", "query"),
        ("select load_extension('/tmp/evil.so')", "load_extension"),
        ("select * from _imports", "prohibited"),
        ("select (select upload from _imports)", "prohibited"),
        ("select 1; select 2", "more than one statement"),
        ("select 1; drop table orders", "not authorized"),
        ("select ?", "parameter"),
        ("", "characters long"),
        ("-- nothing", "no query"),
    ] {
        if query.is_empty() {
            let refused =
                format!("{:?}", harness.try_start("sql-export", json!({ "query": query })).await.unwrap_err());
            assert!(refused.contains(hint), "{refused}");
            continue;
        }
        let (code, message) = refused(&harness, query).await;
        assert!(["bad_query", "not_a_query"].contains(&code.as_str()), "{query}: {code}");
        assert!(message.contains(hint), "{query}: {message}");
    }
    let attach = format!("attach '{}' as other", other.display());
    assert!(refused(&harness, &attach).await.1.contains("imported tables"));
    let after = harness.succeed("sql-export", json!({ "query": "select name, sql from sqlite_schema" })).await;
    assert_eq!(harness.artifact(after.view.job, "export.csv").await, schema);
    assert!(!std::path::Path::new("/tmp/stolen.db").exists());
}

#[tokio::test]
async fn query_error_has_its_position() {
    let harness = harness().await;
    let (_, message) = refused(&harness, "select id,\n  nam from orders").await;
    assert!(message.starts_with("line 2, column 3: no such column: nam; there are orders (id, name, "), "{message}");
    let (_, message) = refused(&harness, "select *\nform orders").await;
    assert!(message.starts_with("line 2, column "), "{message}");
    let (_, message) = refused(&harness, "select * from order_").await;
    assert!(message.contains("no such table: order_; there are orders (id"), "{message}");
    let empty = TaskHarness::open().await;
    assert_eq!(refused(&empty, "select 1").await.0, "no_tables");
}

#[tokio::test]
async fn huge_value_is_rejected() {
    let harness = harness().await;
    let (code, message) = refused(&harness, "select hex(zeroblob(300000000))").await;
    assert_eq!(code, "value_too_large", "{message}");
    let wide = vec!["hex(zeroblob(2000000))"; 200].join(", ");
    assert_eq!(refused(&harness, &format!("select {wide}")).await.0, "value_too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_query_stops_on_cancel() {
    let harness = harness().await;
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select";
    for (query, answers) in [("i from n", true), ("count(*) from n", false), ("sum(length(hex(i))) from n", false)] {
        let job = harness.start("sql-export", json!({ "query": format!("{endless} {query}") })).await;
        harness.when(job, |view| view.state == JobState::Running && (!answers || view.progress.value > 0)).await;
        harness.engine.cancel(job, "tester").await.unwrap();
        let ended = harness.ended(job).await;
        assert_eq!((ended.view.state, &ended.output), (JobState::Cancelled, &Value::Null), "{query}");
        assert!(harness.engine.artifact(job, "export.csv").await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn query_with_slow_functions_stops_soon() {
    let harness = harness().await;
    let text = "replace(hex(zeroblob(4000000)), '0', 'a')";
    let begin = Instant::now();
    for query in [
        "select instr(zeroblob(100000000), zeroblob(50000000) || x'01')".to_owned(),
        "select instr(zeroblob(30000000), cast(zeroblob(15000000) || x'01' as blob))".to_owned(),
        format!("select length(replace({text}, substr({text}, 1, 4000000) || 'b', ''))"),
        format!("select length(trim({text}, {text} || 'b'))"),
        "select json_patch('{}', '{}')".to_owned(),
    ] {
        harness.run("sql-export", json!({ "query": query })).await;
    }
    let unmatched = format!("select {text} like '%' || substr({text}, 1, 40000) || 'b'");
    let job = harness.start("sql-export", json!({ "query": unmatched })).await;
    harness.when(job, |view| view.state == JobState::Running).await;
    harness.engine.cancel(job, "tester").await.unwrap();
    assert_eq!(harness.ended(job).await.view.state, JobState::Cancelled);
    assert!(begin.elapsed() < Duration::from_mins(1), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn deeply_nested_query_fails_only_its_job() {
    let harness = harness().await;
    for (open, close) in [("(select ", ")"), ("(", ")"), ("-(", ")"), ("abs(", ")"), ("case when 1 then ", " end")] {
        for depth in [90, 900, 3_000] {
            let query = format!("select {}1{}", open.repeat(depth), close.repeat(depth));
            harness.run("sql-export", json!({ "query": query })).await;
        }
    }
    harness.succeed("sql-export", json!({ "query": "select 1" })).await;
}

#[tokio::test]
async fn many_rows_make_many_row_groups() {
    let harness = harness().await;
    let query = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
                 select i, hex(zeroblob(500)) as wide from n";
    let ended = harness.succeed("sql-export", json!({ "query": query, "format": "parquet" })).await;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&harness.artifact(ended.view.job, "export.parquet").await).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    assert!(reader.num_row_groups() > 1);
    assert_eq!(reader.metadata().file_metadata().num_rows(), 60_000);
}
