//! Every row of every view, on days that are hard.

use okr_tests::Python;
use serde_json::{Map, Value};

use super::company::{Company, Writer};
use super::*;

/// In the week that is the last of 2026 and holds the first days of 2027, in a summer, and in the first week of 2025,
/// which began in 2024.
const DAYS: &[&str] = &["2027-01-02", "2026-06-20", "2024-12-31"];
const SEED: u32 = 7;
const KEY_RESULTS: u32 = 250;

/// What the script says, by view.
async fn script(company: &Company, today: &str) -> Map<String, Value> {
    let args = [company.path().as_os_str(), today.as_ref()];
    let said = Python::run("warehouse/views.py", &args).await.expect("it computes");
    serde_json::from_str(&said).expect("it is JSON")
}

/// What another one says of the tables.
async fn tables(company: &Company) -> Map<String, Value> {
    let said = Python::run("warehouse/tables.py", &[company.path()]).await.expect("it computes");
    serde_json::from_str(&said).expect("it is JSON")
}

/// Whether two values are the same to whoever reads them: sums of floats end in another digit in another order, and
/// SQLite's booleans are 0 and 1.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Bool(is), Value::Number(number)) | (Value::Number(number), Value::Bool(is)) => {
            number.as_i64() == Some(i64::from(*is))
        }
        (Value::Number(left), Value::Number(right)) => {
            left.as_f64().zip(right.as_f64()).is_some_and(|(left, right)| (left - right).abs() < 1e-9)
        }
        _ => left == right,
    }
}

fn check(place: &str, view: &Value, found: &[Value]) {
    let key = |row: &Value| -> String {
        view["key"]
            .as_array()
            .expect("a key")
            .iter()
            .map(|name| format!("{} ", row[name.as_str().unwrap()]))
            .collect()
    };
    let expected = view["rows"].as_array().expect("rows");
    let count = found.len();
    let mut found: std::collections::BTreeMap<String, &Value> =
        found.iter().map(|row| (key(row), row)).collect();
    assert_eq!(found.len(), count, "{place} has a row twice");
    for row in expected {
        let other = found.remove(&key(row)).unwrap_or_else(|| panic!("{place} lacks {row}"));
        let (row, other) = (row.as_object().expect("a row"), other.as_object().expect("a row"));
        let names: Vec<_> = row.keys().collect();
        assert_eq!(names.len(), other.len(), "{place} has other columns: {names:?}, {:?}", other.keys());
        let differ: Vec<_> =
            row.iter().filter(|(name, value)| !other.get(*name).is_some_and(|of| same(value, of))).collect();
        assert!(differ.is_empty(), "{place}: expected {differ:?} in {other:?}");
    }
    assert!(found.is_empty(), "{place} has too many: {found:?}");
}

#[tokio::test]
async fn every_view_shows_the_numbers_of_the_script() {
    let company = Company::new(SEED, KEY_RESULTS).await;
    let homes = Home::both(&company).await;
    for today in DAYS {
        let expected = script(&company, today).await;
        assert_eq!(expected.len(), 10, "{:?}", expected.keys());
        for home in &homes {
            home.on(today).await;
            for (name, view) in &expected {
                let found = home.rows(&format!("SELECT * FROM {name}")).await;
                check(&format!("{}, {name} on {today}", home.name()), view, &found);
            }
        }
        let rows = |name: &str| expected[name]["rows"].as_array().map_or(0, Vec::len);
        let empty: Vec<_> = expected.keys().filter(|name| rows(name) == 0).collect();
        assert!(empty.is_empty() || *today == "2024-12-31", "nothing to compare on {today}: {empty:?}");
    }
}

#[tokio::test]
async fn every_row_of_the_tables_is_what_the_script_says() {
    let company = Company::new(SEED, KEY_RESULTS).await;
    let expected = tables(&company).await;
    for home in Home::both(&company).await {
        for (name, table) in &expected {
            let columns: Vec<_> = table["rows"][0].as_object().expect("a row").keys().cloned().collect();
            let found = home.rows(&format!("SELECT {} FROM {name}", columns.join(", "))).await;
            check(&format!("{}, {name}", home.name()), table, &found);
        }
    }
}

#[tokio::test]
async fn every_view_is_compared() {
    let company = Company::new(1, 1).await;
    let expected = script(&company, DAYS[0]).await;
    let mut compared: Vec<_> = expected.keys().map(String::as_str).chain(["okr_clock"]).collect();
    compared.sort_unstable();
    for (home, views) in Home::both(&company).await.iter().zip([
        "SELECT viewname::text AS name FROM pg_views WHERE schemaname = 'okr' ORDER BY 1",
        "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY 1",
    ]) {
        let views = home.rows(views).await;
        let views: Vec<_> = views.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(views, compared, "{}", home.name());
    }
}

#[tokio::test]
async fn today_is_the_day_of_utc() {
    let company = Company::new(1, 1).await;
    for home in Home::both(&company).await {
        // Auckland is half a day ahead, so a view that went by it would be wrong half of the time; Samoa and Midway are
        // never on the same day.
        for zone in ["Pacific/Apia", "Pacific/Midway", "UTC"] {
            if home.name() == "postgres" {
                home.run(&format!("SET TimeZone = '{zone}'")).await;
            }
            let utc = || jiff::Timestamp::now().to_string()[..10].to_owned();
            let (before, rows, after) = (utc(), home.rows("SELECT today FROM okr_clock").await, utc());
            let today = rows[0]["today"].as_str().expect("a day");
            assert!(today == before || today == after, "{} in {zone}: {today}", home.name());
        }
    }
}

/// A step that a later release adds; it says the same in both homes.
const MORE: &str =
    "ALTER TABLE okr_events ADD COLUMN region text; ALTER TABLE okr_state ADD COLUMN region text";

#[tokio::test]
async fn a_writer_goes_on_while_a_newer_release_adds_a_column() {
    let company = Company::new(3, 40).await;
    let cluster = Cluster::start().await.expect("a cluster");
    let database = cluster.database().await.expect("a database");
    let folder = TempDir::new().expect("a folder");
    let file = format!("file:{}", folder.path().join("warehouse.db").display());
    for url in [database.url.clone(), file.clone()] {
        let target =
            open(&Place { url: url.clone(), schema: "okr".to_owned() }, Tables::Migrate).await.expect("open");
        let mut writer = Writer::new(target.as_ref()).await;
        let batches: Vec<_> = company.batches().collect();
        let (first, rest) = batches.split_at(batches.len() / 2);
        for batch in first {
            writer.write(batch).await;
        }
        if url == file {
            let database =
                libsql::Builder::new_local(folder.path().join("warehouse.db")).build().await.expect("a file");
            database.connect().expect("a connection").execute_batch(MORE).await.expect("migrated");
        } else {
            let client = connect(&url).await.expect("a connection");
            client.batch_execute(&format!("SET search_path = okr; {MORE}")).await.expect("migrated");
        }
        assert!(!rest.is_empty());
        for batch in rest {
            writer.write(batch).await;
        }
    }
    let expected = Python::run("warehouse/views.py", &[company.path().as_os_str(), DAYS[0].as_ref()]).await;
    let expected: Map<String, Value> =
        serde_json::from_str(&expected.expect("it computes")).expect("it is JSON");
    let client = connect(&database.url).await.expect("a connection");
    let weeks = "SELECT count(*) FROM okr.okr_parents";
    let found: i64 = client.query_one(weeks, &[]).await.expect("an answer").get(0);
    assert_eq!(found, expected["okr_parents"]["rows"].as_array().map_or(0, Vec::len) as i64);
}
