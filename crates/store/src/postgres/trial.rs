//! A schema to measure in. See [`crate::Trial`].

use boot::Clock;
use deadpool_postgres::Object;
use outbox::QueueError;

use super::Postgres;
use super::connect::Connections;
use super::failure::Failure;
use crate::store::Home;
use crate::{StoreError, Time, time};

/// Held by the connection of whoever has the trial, so that two never share one.
const LOCK: &str = "SELECT pg_try_advisory_lock(hashtextextended('okr-router trial ' || $1::text, 0))";

const FILL: &str = "INSERT INTO router_effects
        (service, event_id, target, replay_id, claimed_at, finished_at, attempts)
    SELECT $1, gen_random_uuid(), ($2::text[])[1 + n % cardinality($2::text[])], '',
        $4 + n * 100000, $4 + n * 100000, 1 FROM generate_series(0, $3::bigint - 1) AS n";

/// As the server's own upkeep would do after so many rows.
const UPKEEP: &str = "VACUUM (ANALYZE) router_effects";

/// A schema of the configured database.
pub(crate) struct PostgresTrial {
    schema: String,
    connections: Connections,
    /// Holds the lock.
    keeper: Object,
}

impl PostgresTrial {
    pub(crate) async fn open(url: &str, name: &str) -> Result<Self, StoreError> {
        let connections = Connections::in_schema(url, name)?;
        let keeper = connections.get().await.map_err(refused)?;
        let locked = keeper.query_one(LOCK, &[&name]).await.map_err(failed)?;
        if !locked.try_get::<_, bool>(0).map_err(failed)? {
            let cause = format!("another process measures in the schema {name}: wait for its end");
            return Err(QueueError::Broken(cause).into());
        }
        let make =
            format!("SET statement_timeout = 0; DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        keeper.batch_execute(&make).await.map_err(failed)?;
        Ok(Self { schema: name.to_owned(), connections, keeper })
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) async fn home(&self, clock: Clock) -> Result<Box<dyn Home>, StoreError> {
        Ok(Box::new(Postgres::over(self.connections.clone(), clock, Time::default()).await?))
    }

    pub(crate) async fn fill(&self, service: &str, targets: &[String], rows: u64) -> Result<(), StoreError> {
        super::schema::migrate(&self.connections).await?;
        let first = time::micros(jiff::Timestamp::now()).saturating_sub(time::tenths(rows));
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.keeper.execute(FILL, &[&service, &targets, &rows, &first]).await.map_err(failed)?;
        self.keeper.batch_execute(UPKEEP).await.map_err(failed)?;
        Ok(())
    }

    pub(crate) async fn clear(self) -> Result<(), StoreError> {
        let drop = format!("DROP SCHEMA {} CASCADE", self.schema);
        self.keeper.batch_execute(&drop).await.map_err(failed)
    }
}

fn refused(failure: Failure) -> StoreError {
    StoreError::Home(failure.into())
}

fn failed(error: tokio_postgres::Error) -> StoreError {
    refused(error.into())
}
