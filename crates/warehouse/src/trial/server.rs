//! A schema to measure in.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use deadpool_postgres::Object;
use futures::{SinkExt, TryStreamExt};
use store::ground::{Connections, Failure, Terms};
use tokio_postgres::Statement;
use uuid::Uuid;

use super::Copied;
use crate::OpenError;
use crate::migrate::postgres::quoted;
use crate::postgres::{COPY_EVENTS, refused};

/// Held by the connection of whoever has the trial, so that two never share one.
const LOCK: &str =
    "SELECT pg_try_advisory_lock(hashtextextended('okr-router warehouse trial ' || $1::text, 0))";
/// A copy of many rows may take its time.
const STATEMENT_MAX: Duration = Duration::from_secs(600);
/// How much of a `COPY` is sent at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// A schema of the configured database.
#[derive(Debug)]
pub(super) struct Server {
    schema: String,
    connections: Connections,
    /// Holds the lock.
    keeper: Object,
}

impl Server {
    pub(super) async fn open(url: &str, schema: &str) -> Result<Self, OpenError> {
        let terms = Terms {
            connections_max: 3,
            statement_max: STATEMENT_MAX,
            settings: format!("SET search_path = {};", quoted(schema)),
        };
        let connections = Connections::on(url, terms)?;
        let keeper = connections.get().await.map_err(refused)?;
        let locked = keeper.query_one(LOCK, &[&schema]).await.map_err(failed)?;
        if !locked.try_get::<_, bool>(0).map_err(failed)? {
            let why = format!("another process measures in the schema {schema}: wait for its end");
            return Err(refused(Failure::Broken(why)).into());
        }
        let server = Self { schema: schema.to_owned(), connections, keeper };
        server.empty().await?;
        Ok(server)
    }

    pub(super) async fn empty(&self) -> Result<(), OpenError> {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(&self.schema));
        self.keeper.batch_execute(&drop).await.map_err(failed)?;
        self.settle().await;
        Ok(())
    }

    /// What is still to be written of earlier rows is not the next one's to bear. Not every role may ask for it.
    async fn settle(&self) {
        let _ = self.keeper.batch_execute("CHECKPOINT").await;
    }

    pub(super) async fn copy_plainly(
        &self,
        processor: fn() -> Option<Duration>,
    ) -> Result<Copied, OpenError> {
        let mut rows = self.rows().await?;
        let make =
            "DROP TABLE IF EXISTS okr_plain; CREATE TABLE okr_plain (LIKE okr_events INCLUDING DEFAULTS)";
        self.keeper.batch_execute(make).await.map_err(failed)?;
        self.settle().await;
        let copy = COPY_EVENTS.replace("okr_events", "okr_plain");
        let copy = self.keeper.prepare(&copy).await.map_err(failed)?;
        let (used, since) = (processor(), Instant::now());
        let rows = self.send(&copy, &mut rows).await?;
        let (wall, used_now) = (since.elapsed(), processor());
        self.keeper.batch_execute("DROP TABLE okr_plain").await.map_err(failed)?;
        let processor = used_now.zip(used).map(|(now, before)| now.saturating_sub(before));
        Ok(Copied { rows, wall, processor })
    }

    /// All rows as they are sent, in a file that nobody else sees and that goes with its handle.
    async fn rows(&self) -> Result<File, OpenError> {
        let path = std::env::temp_dir().join(format!("okr-router-bench-{}", Uuid::now_v7().simple()));
        let opened = File::options().read(true).write(true).create_new(true).open(&path);
        let mut file = opened.and_then(|file| std::fs::remove_file(&path).map(|()| file)).map_err(unkept)?;
        let copy = COPY_EVENTS.replace("FROM STDIN", "TO STDOUT");
        let mut sent = pin!(self.keeper.copy_out(&copy).await.map_err(failed)?);
        while let Some(part) = sent.try_next().await.map_err(failed)? {
            file.write_all(&part).map_err(unkept)?;
        }
        file.rewind().map_err(unkept)?;
        Ok(file)
    }

    async fn send(&self, copy: &Statement, rows: &mut File) -> Result<u64, OpenError> {
        let mut sink = pin!(self.keeper.copy_in::<_, Bytes>(copy).await.map_err(failed)?);
        loop {
            let mut part = BytesMut::zeroed(CHUNK_BYTES);
            let read = rows.read(&mut part).map_err(unkept)?;
            if read == 0 {
                return sink.finish().await.map_err(failed);
            }
            part.truncate(read);
            sink.send(part.freeze()).await.map_err(failed)?;
        }
    }

    pub(super) async fn look(&self) -> Result<Look, OpenError> {
        let client = self.connections.get().await.map_err(refused)?;
        let statement = client.prepare("SELECT 1 FROM okr_events WHERE event_id = $1").await;
        Ok(Look { statement: statement.map_err(failed)?, client })
    }

    pub(super) async fn clear(self) -> Result<(), OpenError> {
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", quoted(&self.schema));
        self.keeper.batch_execute(&drop).await.map_err(failed)
    }
}

/// A connection of its own.
#[derive(Debug)]
pub(super) struct Look {
    client: Object,
    statement: Statement,
}

impl Look {
    pub(super) async fn sees(&self, event: Uuid) -> Result<bool, OpenError> {
        Ok(self.client.query_opt(&self.statement, &[&event]).await.map_err(failed)?.is_some())
    }
}

fn failed(error: tokio_postgres::Error) -> OpenError {
    refused(error.into()).into()
}

fn unkept(error: std::io::Error) -> OpenError {
    OpenError::File(format!("rows were not kept in the temporary folder: {error}"))
}
