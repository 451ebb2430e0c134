//! A warehouse with a way to look into its tables that is not its own, and members that feed it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bus::Slot;
use okr::OkrEvent;
use serde_json::{Map, Value};
use store::testing::Database;
use tempfile::TempDir;
use uuid::Uuid;
use worker::{Batch, Fingerprint, Last, Mark, ProgressError, Standing};

use crate::{Entry, Place, SCHEMA, SERVICE, Tables, Target, open};

/// A row by the names of its columns.
pub type Row = Map<String, Value>;

/// Whose tables they are.
pub enum Behind {
    Postgres { client: tokio_postgres::Client, _database: Database },
    File { connection: libsql::Connection, _folder: TempDir },
}

pub struct Bench {
    pub target: Arc<dyn Target>,
    pub place: Place,
    pub behind: Behind,
}

impl Bench {
    pub async fn postgres(database: Database) -> Self {
        let place = Place { url: database.url.clone(), schema: SCHEMA.to_owned() };
        let target = open(&place, Tables::Migrate).await.unwrap();
        let client = store::testing::connect(&database.url).await.unwrap();
        client.batch_execute("SET search_path = okr; SET TimeZone = 'UTC'").await.unwrap();
        Self { target, place, behind: Behind::Postgres { client, _database: database } }
    }

    pub async fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/warehouse.db");
        let place = Place { url: format!("file:{}", path.display()), schema: SCHEMA.to_owned() };
        let target = open(&place, Tables::Migrate).await.unwrap();
        let database = libsql::Builder::new_local(path).build().await.unwrap();
        let connection = database.connect().unwrap();
        Self { target, place, behind: Behind::File { connection, _folder: folder } }
    }

    /// Statements for Postgres, and for the file.
    pub async fn run(&self, postgres: &str, file: &str) {
        match &self.behind {
            Behind::Postgres { client, .. } => client.batch_execute(postgres).await.unwrap(),
            Behind::File { connection, .. } => drop(connection.execute_batch(file).await.unwrap()),
        }
    }

    /// All rows of a table or query.
    pub async fn rows(&self, from: &str) -> Vec<Row> {
        match &self.behind {
            Behind::Postgres { client, .. } => {
                let rows = client.query(&format!("SELECT row_to_json(t)::text FROM ({from}) t"), &[]).await;
                let read = |row: &tokio_postgres::Row| serde_json::from_str(row.get(0)).unwrap();
                rows.unwrap().iter().map(read).collect()
            }
            Behind::File { connection, .. } => {
                let (mut rows, mut found) = (connection.query(from, ()).await.unwrap(), Vec::new());
                while let Some(row) = rows.next().await.unwrap() {
                    let column =
                        |at| (row.column_name(at).unwrap().to_owned(), plain(row.get_value(at).unwrap()));
                    found.push((0..rows.column_count()).map(column).collect());
                }
                found
            }
        }
    }

    /// The rows of a table by one of its columns.
    pub async fn table(&self, table: &str) -> Vec<Row> {
        self.rows(&format!("SELECT * FROM {table}")).await.into_iter().map(like).collect()
    }
}

fn plain(value: libsql::Value) -> Value {
    match value {
        libsql::Value::Null => Value::Null,
        libsql::Value::Integer(number) => number.into(),
        libsql::Value::Real(number) => number.into(),
        libsql::Value::Text(text) => text.into(),
        libsql::Value::Blob(_) => panic!("the file has no blobs"),
    }
}

impl Bench {
    /// A number that the server keeps of this database. A server process tells what it has counted when it ends, at the
    /// latest, so those of the members are ended.
    pub async fn counted(&self, what: &str) -> i64 {
        let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
            WHERE application_name = 'okr-router' AND datname = current_database()";
        self.run(end, "").await;
        let counts =
            format!("SELECT {what} AS count FROM pg_stat_database WHERE datname = current_database()");
        self.rows(&counts).await[0]["count"].as_i64().unwrap()
    }

    pub fn is_shared(&self) -> bool {
        matches!(self.behind, Behind::Postgres { .. })
    }
}

/// Brings both homes to one form: times in microseconds, attributes as an object, truth as truth.
fn like(mut row: Row) -> Row {
    for (name, value) in &mut row {
        if let Value::String(text) = value {
            if name.ends_with("_at") {
                *value = text.parse::<jiff::Timestamp>().unwrap().as_microsecond().into();
            } else if name == "attributes" {
                *value = serde_json::from_str(text).unwrap();
            }
        }
        if name.starts_with("is_") && value.is_number() {
            *value = (*value == 1).into();
        }
    }
    row
}

/// One member of the service.
pub struct Member {
    target: Arc<dyn Target>,
    standings: HashMap<i32, Standing>,
}

pub fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

fn fingerprint(offset: i64) -> Fingerprint {
    Fingerprint(Uuid::from_u64_pair(9, offset.unsigned_abs()))
}

impl Member {
    /// Takes these partitions over.
    pub async fn join(target: &Arc<dyn Target>, partitions: impl IntoIterator<Item = i32>) -> Self {
        let slots: Vec<Slot> = partitions.into_iter().map(slot).collect();
        let standings = target.assign(SERVICE, &slots).await.unwrap();
        let standings = standings.into_iter().map(|it| (it.slot.partition, it)).collect();
        Self { target: Arc::clone(target), standings }
    }

    pub fn epoch(&self, partition: i32) -> i64 {
        self.standings[&partition].epoch
    }

    /// A batch of these events, at the next offsets of their partitions.
    pub fn batch(&self, events: &[(i32, OkrEvent)]) -> Batch<Vec<Entry>> {
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        let mut changes = Vec::new();
        for (partition, event) in events {
            let at = next.entry(*partition).or_insert(self.standings[partition].next);
            changes.push(Entry::at(event.clone(), slot(*partition), *at).unwrap());
            *at += 1;
        }
        let mark = |(partition, next): (i32, i64)| Mark {
            slot: slot(partition),
            epoch: self.standings[&partition].epoch,
            from: self.standings[&partition].next,
            next,
            last: Last { offset: next - 1, fingerprint: fingerprint(next - 1) },
        };
        Batch { marks: next.into_iter().map(mark).collect(), changes, produce: Vec::new() }
    }

    pub async fn try_commit(&mut self, batch: &Batch<Vec<Entry>>) -> Result<(), ProgressError> {
        self.target.commit(SERVICE, batch).await?;
        for Mark { slot, next, last, .. } in &batch.marks {
            let standing = self.standings.get_mut(&slot.partition).unwrap();
            (standing.next, standing.last) = (*next, Some(*last));
        }
        Ok(())
    }

    /// Commits the events.
    pub async fn take(&mut self, events: &[(i32, OkrEvent)]) {
        let batch = self.batch(events);
        self.try_commit(&batch).await.unwrap();
    }

    /// Commits events of partition 0.
    pub async fn take_all(&mut self, events: impl IntoIterator<Item = OkrEvent>) {
        let events: Vec<_> = events.into_iter().map(|event| (0, event)).collect();
        self.take(&events).await;
    }
}
