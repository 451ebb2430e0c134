//! What the views show, compared with numbers that were computed without SQL: tests/python/warehouse makes a company's
//! events, and computes every view from them. The events are written as the service writes them.

mod answers;
mod charts;
mod company;
mod numbers;

use serde_json::Value;
use store::testing::{Cluster, Database, connect};
use tempfile::TempDir;
use tokio_postgres::Client;

use crate::open::{Place, Tables, open};
use company::Company;

/// A warehouse that holds a company's events, and a way to ask it.
enum Home {
    Postgres { client: Box<Client>, _database: Database, _cluster: Cluster },
    Embedded { connection: libsql::Connection, _folder: TempDir },
}

impl Home {
    /// Both homes, each filled.
    async fn both(company: &Company) -> [Self; 2] {
        [Self::postgres(company).await, Self::embedded(company).await]
    }

    /// A Postgres whose clients live on the other side of the world.
    async fn postgres(company: &Company) -> Self {
        let cluster = Cluster::own().await.expect("a cluster");
        let database = cluster.database().await.expect("a database");
        let client = connect(&database.url).await.expect("a connection");
        let role =
            "CREATE ROLE okr_reader LOGIN; SET TimeZone = 'Pacific/Auckland'; SET DateStyle = 'German'";
        client.batch_execute(role).await.expect("a reader");
        company.fill(&Place { url: database.url.clone(), schema: "okr".to_owned() }).await;
        client.batch_execute("SET search_path = okr").await.expect("a schema");
        Self::Postgres { client: Box::new(client), _database: database, _cluster: cluster }
    }

    async fn embedded(company: &Company) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("warehouse.db");
        company.fill(&Place { url: format!("file:{}", path.display()), schema: String::new() }).await;
        let database = libsql::Builder::new_local(path).build().await.expect("a file");
        Self::Embedded { connection: database.connect().expect("a connection"), _folder: folder }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Postgres { .. } => "postgres",
            Self::Embedded { .. } => "embedded",
        }
    }

    async fn run(&self, sql: &str) {
        match self {
            Self::Postgres { client, .. } => client.batch_execute(sql).await.expect("it runs"),
            Self::Embedded { connection, .. } => drop(connection.execute_batch(sql).await.expect("it runs")),
        }
    }

    /// Has the views take this day for today.
    async fn on(&self, today: &str) {
        match self {
            Self::Postgres { .. } => {
                self.run(&format!("CREATE OR REPLACE VIEW okr_clock AS SELECT DATE '{today}' AS today"))
                    .await;
            }
            Self::Embedded { .. } => {
                let clock =
                    format!("DROP VIEW okr_clock; CREATE VIEW okr_clock AS SELECT '{today}' AS today");
                self.run(&clock).await;
            }
        }
    }

    /// The rows of a query as JSON objects; days as `2026-11-23`.
    async fn rows(&self, sql: &str) -> Vec<Value> {
        match self {
            Self::Postgres { client, .. } => {
                let all =
                    format!("SELECT coalesce(jsonb_agg(to_jsonb(line)), '[]')::text FROM ({sql}) AS line");
                let text: String = client.query_one(&all, &[]).await.expect("an answer").get(0);
                serde_json::from_str(&text).expect("it is JSON")
            }
            Self::Embedded { connection, .. } => {
                let mut rows = connection.query(sql, ()).await.expect("an answer");
                let mut found = Vec::new();
                while let Some(row) = rows.next().await.expect("a row") {
                    let column = |at| Some((row.column_name(at)?.to_owned(), json(row.get_value(at).ok()?)));
                    found.push(Value::Object((0..row.column_count()).map_while(column).collect()));
                }
                found
            }
        }
    }

    async fn count(&self, sql: &str) -> i64 {
        self.rows(sql).await[0]["count"].as_i64().expect("a number")
    }
}

fn json(value: libsql::Value) -> Value {
    match value {
        libsql::Value::Null => Value::Null,
        libsql::Value::Integer(number) => number.into(),
        libsql::Value::Real(number) => number.into(),
        libsql::Value::Text(text) => text.into(),
        libsql::Value::Blob(_) => panic!("no view has such a column"),
    }
}
