//! What an event says has a column.

use std::collections::BTreeSet;

use serde_json::Value;
use store::testing::{Cluster, connect};

use super::super::{Migration, embedded};

/// The fields of the schema, nested ones with `_`; a map is one column.
fn fields(schema: &Value, prefix: &str, records: &mut Vec<Value>, found: &mut BTreeSet<String>) {
    for field in schema["fields"].as_array().expect("a record has fields") {
        let name = format!("{prefix}{}", field["name"].as_str().expect("a field has a name"));
        let inner = match &field["type"] {
            Value::Array(union) => union.iter().find(|of| *of != "null").expect("a union of two"),
            plain => plain,
        };
        let known = records.iter().find(|record| inner.is_string() && record["name"] == *inner).cloned();
        let record = known.or_else(|| (inner["type"] == "record").then(|| inner.clone()));
        if let Some(record) = record {
            records.push(record.clone());
            fields(&record, &format!("{name}_"), records, found);
        } else {
            found.insert(name);
        }
    }
}

/// All columns that an event's fields ask for. `subject.type` is the column `subject_type`, and so on.
fn wanted() -> BTreeSet<String> {
    let schema = include_str!("../../../../../schemas/okr_event.avsc");
    let mut found = BTreeSet::new();
    fields(&serde_json::from_str(schema).expect("it is JSON"), "", &mut Vec::new(), &mut found);
    assert!(
        found.contains("manager_email") && found.contains("previous_status") && found.len() > 35,
        "{found:?}"
    );
    found
}

fn check(home: &str, table: &str, columns: &BTreeSet<String>) {
    let missing: Vec<_> = wanted().difference(columns).cloned().collect();
    assert!(
        missing.is_empty(),
        "{home}, {table}: a new field needs a step that adds its column: {missing:?}"
    );
}

#[tokio::test]
async fn every_field_of_an_event_is_a_column_in_postgres() {
    let cluster = Cluster::start().await.expect("a cluster");
    let database = cluster.database().await.expect("a database");
    let mut client = connect(&database.url).await.expect("a connection");
    Migration::new("okr").apply(&mut client).await.expect("applied");
    for table in ["okr_events", "okr_state"] {
        let columns = "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'okr' AND table_name = $1";
        let rows = client.query(columns, &[&table]).await.expect("an answer");
        check("postgres", table, &rows.iter().map(|row| row.get(0)).collect());
    }
}

#[tokio::test]
async fn every_field_of_an_event_is_a_column_in_the_file() {
    let database = libsql::Builder::new_local(":memory:").build().await.expect("a file");
    let connection = database.connect().expect("a connection");
    embedded::apply(&connection).await.expect("applied");
    for table in ["okr_events", "okr_state"] {
        let columns = "SELECT name FROM pragma_table_info(?1)";
        let mut rows = connection.query(columns, [table]).await.expect("an answer");
        let mut found = BTreeSet::new();
        while let Some(row) = rows.next().await.expect("a row") {
            found.insert(row.get::<String>(0).expect("a name"));
        }
        check("embedded", table, &found);
    }
}
