//! A new generation of the tables in a schema of its own, beside the live one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::Object;
use store::ground::{Connections, Failure, Terms};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;
use uuid::Uuid;
use worker::Standing;

use super::{exchange, hindrances, offsets, refused, statements};
use crate::migrate::Migration;
use crate::migrate::postgres::quoted;
use crate::open::{Place, Tables, open};
use crate::rebuild::{Found, Lost, RebuildError, SEEDS, Site, TABLES};
use crate::{OpenError, TOPIC, Target};

/// What a schema of ours says of itself, so that nothing else is ever taken away.
const MARK: &str = "Made by okr-router warehouse rebuild, and taken away by it.";
/// A Postgres name has at most this many bytes.
const NAME_MAX: usize = 63;
/// Counting, and telling the planner of many rows, takes long.
const STATEMENT_MAX: Duration = Duration::from_secs(3600);
/// The server's patience with a transaction that says nothing; while others are held up it has less.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How often a turn is asked for, and how long is in between.
const TURN_TRIES: u32 = 10;
const TURN_PAUSE: Duration = Duration::from_millis(200);

/// One rebuild of a warehouse at a time, for as long as this connection lives.
const TURN: &str = "SELECT pg_try_advisory_lock(8028076, oid::integer) FROM pg_namespace WHERE nspname = $1";
const SAID: &str = "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1";
const VIEWS_OF: &str = "SELECT format('%I.%I', schemaname, viewname) FROM pg_views WHERE schemaname = $1";
const HAS: &str = "SELECT to_regclass(format('%I.%I', $1::text, $2::text)) IS NOT NULL";
/// Indexes that somebody has added, and what was set for the tables, as statements for tables that `search_path` finds.
const EXTRAS: &str = "SELECT pg_get_indexdef(i.indexrelid, 0, true)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = to_regnamespace(quote_ident($1)) AND t.relname = ANY($3::text[])
        AND NOT EXISTS (SELECT FROM pg_class ours
            WHERE ours.relnamespace = to_regnamespace(quote_ident($2)) AND ours.relname = c.relname)
    UNION ALL
    SELECT format('ALTER TABLE %I SET (%s)', relname, array_to_string(reloptions, ', ')) FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = ANY($3::text[]) AND reloptions IS NOT NULL";
/// Columns that are not the same in both.
const ODD_COLUMNS: &str = "WITH columns AS (SELECT relname, relnamespace, attname, atttypid, attnotnull
        FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE relname = ANY($3::text[]) AND attnum > 0 AND NOT attisdropped)
    SELECT format('column %s of %s', attname, relname) FROM columns
    WHERE relnamespace IN (to_regnamespace(quote_ident($1)), to_regnamespace(quote_ident($2)))
    GROUP BY relname, attname HAVING count(*) <> 2 OR count(DISTINCT (atttypid, attnotnull)) <> 1";

/// The connection of a rebuild, and the names that it works with.
#[derive(Debug)]
pub(super) struct Names {
    /// The schema of the live tables.
    pub(super) live: String,
    /// That of the new ones.
    pub(super) fresh: String,
    /// Where the old ones go.
    pub(super) retired: String,
    /// What both say of themselves: [`MARK`], and which rebuild it is.
    pub(super) mark: String,
}

/// A rebuild's place in Postgres.
pub(crate) struct ServerSite {
    place: Place,
    client: Object,
    names: Names,
}

pub(super) fn failed(error: Error) -> RebuildError {
    let busy = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::QUERY_CANCELED];
    let is_busy = error.code().is_some_and(|code| busy.contains(code));
    match Failure::from(error) {
        Failure::Again(words) | Failure::Unavailable(words) if is_busy => RebuildError::Busy(words),
        failure => RebuildError::Home(refused(failure)),
    }
}

impl Names {
    fn of(schema: &str) -> Result<Self, RebuildError> {
        let [fresh, retired] = ["rebuild", "retired"].map(|word| format!("{schema}_{word}"));
        if fresh.len() > NAME_MAX {
            return Err(RebuildError::TooLong(fresh));
        }
        Ok(Self { live: schema.to_owned(), fresh, retired, mark: format!("{MARK} {}", Uuid::now_v7()) })
    }
}

/// A connection that may take its time, and finds the live tables by their names.
async fn connect(place: &Place) -> Result<Object, RebuildError> {
    let settings = format!(
        "SET enable_seqscan = on; SET jit = off; SET idle_in_transaction_session_timeout = {}; SET search_path = {};",
        IDLE_MAX.as_millis(),
        quoted(&place.schema)
    );
    let terms = Terms { connections_max: 1, statement_max: STATEMENT_MAX, settings };
    let connections = Connections::on(&place.url, terms).map_err(OpenError::of_store)?;
    connections.get().await.map_err(|failure| RebuildError::Home(refused(failure)))
}

/// What a dry run has to know.
pub(crate) async fn look(place: &Place, has: &[(i32, i64, i64)]) -> Result<Found, RebuildError> {
    let (names, client) = (Names::of(&place.schema)?, connect(place).await?);
    let mut has_leftovers = false;
    for schema in [&names.fresh, &names.retired] {
        has_leftovers |= is_ours(&client, schema).await?;
    }
    let bounds: Vec<_> = has.iter().map(|(partition, low, high)| (*partition, *low, Some(*high))).collect();
    let expired = exchange::gone(&client, &bounds, &[], None).await?.gone;
    // Names are told in full.
    client.batch_execute("SET search_path = ''").await.map_err(failed)?;
    let hindrances::Hindrances { strangers, lacking } = hindrances::find(&client, &names.live).await?;
    Ok(Found { expired, strangers, lacking, has_leftovers })
}

/// Whether a rebuild has rows beside the live ones: one that was killed, or one that runs.
pub(crate) async fn has_leftovers(place: &Place) -> Result<bool, RebuildError> {
    let (names, client) = (Names::of(&place.schema)?, connect(place).await?);
    Ok(is_ours(&client, &names.fresh).await? || is_ours(&client, &names.retired).await?)
}

/// Takes away what was left behind. False: there was nothing.
pub(crate) async fn abandon(place: &Place) -> Result<bool, RebuildError> {
    let (names, client) = (Names::of(&place.schema)?, connect(place).await?);
    turn(&client, &names).await?;
    drop_ours(&client, &names).await
}

async fn turn(client: &Object, names: &Names) -> Result<(), RebuildError> {
    // The server may not have noticed yet that the one before has ended.
    for _ in 0..TURN_TRIES {
        let row = client.query_opt(TURN, &[&names.live]).await.map_err(failed)?;
        let is_ours = row.map(|row| row.try_get::<_, bool>(0)).transpose().map_err(failed)?;
        if is_ours.unwrap_or_default() {
            return Ok(());
        }
        tokio::time::sleep(TURN_PAUSE).await;
    }
    Err(RebuildError::UnderWay)
}

/// What the schema says of itself; nothing where there is none.
async fn said(client: &Object, schema: &str) -> Result<Option<String>, RebuildError> {
    let Some(row) = client.query_opt(SAID, &[&schema]).await.map_err(failed)? else { return Ok(None) };
    Ok(Some(row.try_get::<_, Option<String>>(0).map_err(failed)?.unwrap_or_default()))
}

/// Whether the schema is there, and was made by a rebuild.
async fn is_ours(client: &Object, schema: &str) -> Result<bool, RebuildError> {
    match said(client, schema).await? {
        None => Ok(false),
        Some(said) if said.starts_with(MARK) => Ok(true),
        Some(_) => Err(RebuildError::Taken(schema.to_owned())),
    }
}

/// False: there was nothing. What somebody has made on the tables meanwhile goes with them, where it is ours.
async fn drop_ours(client: &Object, names: &Names) -> Result<bool, RebuildError> {
    let mut has_dropped = false;
    for schema in [&names.fresh, &names.retired] {
        if is_ours(client, schema).await? {
            // Nobody waits for these; whoever still reads the old tables has his time.
            let drop = format!(
                "SET lock_timeout = '30s'; DROP SCHEMA {} CASCADE; RESET lock_timeout",
                quoted(schema)
            );
            client.batch_execute(&drop).await.map_err(failed)?;
            has_dropped = true;
        }
    }
    Ok(has_dropped)
}

async fn texts(
    client: &Object,
    sql: &str,
    params: &[&(dyn tokio_postgres::types::ToSql + Sync)],
) -> Result<Vec<String>, RebuildError> {
    let rows = client.query(sql, params).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed)
}

impl ServerSite {
    /// Makes the tables; what an earlier rebuild has left is taken away.
    pub(crate) async fn make(place: &Place) -> Result<(Self, Arc<dyn Target>), RebuildError> {
        let (names, mut client) = (Names::of(&place.schema)?, connect(place).await?);
        turn(&client, &names).await?;
        drop_ours(&client, &names).await?;
        let (live, fresh) = (quoted(&names.live), quoted(&names.fresh));
        let made = format!("CREATE SCHEMA {fresh}; COMMENT ON SCHEMA {fresh} IS '{}'", names.mark);
        client.batch_execute(&made).await.map_err(failed)?;
        Migration::new(&names.fresh).apply(&mut client).await?;
        // Views stay with the live tables' names: they are made over the new tables in the exchange.
        let views = texts(&client, VIEWS_OF, &[&names.fresh]).await?;
        if !views.is_empty() {
            client.batch_execute(&format!("DROP VIEW {} CASCADE", views.join(", "))).await.map_err(failed)?;
        }
        let tables: &[&str] = &TABLES;
        let odd = texts(&client, ODD_COLUMNS, &[&names.live, &names.fresh, &tables]).await?;
        if !odd.is_empty() {
            return Err(RebuildError::Strangers(odd));
        }
        let extras = texts(&client, EXTRAS, &[&names.live, &names.fresh, &tables]).await?;
        let extras = format!("SET search_path = {fresh}; {}; SET search_path = {live}", extras.join("; "));
        client.batch_execute(&extras).await.map_err(failed)?;
        for seed in SEEDS {
            let has = client.query_one(HAS, &[&names.live, &seed]).await.map_err(failed)?;
            if has.try_get(0).map_err(failed)? {
                let sow = format!("INSERT INTO {fresh}.{seed} SELECT * FROM {live}.{seed}");
                client.batch_execute(&sow).await.map_err(failed)?;
            }
        }
        let beside = Place { url: place.url.clone(), schema: names.fresh.clone() };
        let target = open(&beside, Tables::Expect).await?;
        Ok((Self { place: place.clone(), client, names }, target))
    }

    async fn run(&self, sql: &str) -> Result<(), RebuildError> {
        self.client.batch_execute(sql).await.map_err(failed)
    }

    async fn standings(&self) -> Result<Vec<Standing>, RebuildError> {
        let rows = self.client.query(statements::OFFSETS, &[]).await.map_err(failed)?;
        let standings = rows.iter().map(offsets::standing).collect::<Result<_, Failure>>();
        standings.map_err(|failure| RebuildError::Home(refused(failure)))
    }

    /// A connection that was cut took our turn with it: nobody may have had one since.
    async fn revive(&mut self) -> Result<(), RebuildError> {
        if !self.client.is_closed() {
            return Ok(());
        }
        let client = connect(&self.place).await?;
        turn(&client, &self.names).await?;
        if said(&client, &self.names.fresh).await?.as_ref() != Some(&self.names.mark) {
            return Err(RebuildError::Overtaken("another rebuild was begun"));
        }
        self.client = client;
        Ok(())
    }
}

#[async_trait]
impl Site for ServerSite {
    async fn live(&mut self) -> Result<Vec<Standing>, RebuildError> {
        self.revive().await?;
        self.standings().await
    }

    async fn rows(&mut self, covered: &[(i32, i64)]) -> Result<(i64, i64), RebuildError> {
        let (live, fresh) = (quoted(&self.names.live), quoted(&self.names.fresh));
        let tables: Vec<String> = TABLES.iter().map(|table| format!("{fresh}.{table}")).collect();
        // The views are fast from the first look on.
        self.run(&format!("ANALYZE {}", tables.join(", "))).await?;
        let count = |schema: &str| {
            format!(
                "(SELECT count(*) FROM {schema}.okr_events e JOIN both_contain b
                ON b.partition = e.kafka_partition AND e.kafka_topic = $3 AND e.kafka_offset < b.upto)"
            )
        };
        let counts = format!(
            "WITH both_contain AS (SELECT partition, least(upto, next_offset) AS upto
                FROM unnest($1::integer[], $2::bigint[]) AS c (partition, upto) JOIN {live}.okr_sink_offsets o
                USING (partition) WHERE o.topic = $3)
            SELECT {}, {}",
            count(&live),
            count(&fresh)
        );
        let (partitions, offsets): (Vec<i32>, Vec<i64>) = covered.iter().copied().unzip();
        let row = self.client.query_one(&counts, &[&partitions, &offsets, &TOPIC]).await.map_err(failed)?;
        Ok((row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?))
    }

    async fn lost(&mut self, covered: &[(i32, i64)], skipped: &[(i32, i64)]) -> Result<Lost, RebuildError> {
        let bounds: Vec<_> = covered.iter().map(|(partition, upto)| (*partition, *upto, None)).collect();
        exchange::gone(&self.client, &bounds, skipped, Some(&self.names.fresh)).await
    }

    async fn reserve(&mut self) -> Result<(), RebuildError> {
        self.revive().await?;
        exchange::reserve(&self.client, &self.names).await
    }

    async fn hold(&mut self) -> Result<Vec<Standing>, RebuildError> {
        self.run(exchange::HOLD).await?;
        // On this connection or not at all: another one would hold nobody.
        self.standings().await
    }

    async fn release(&mut self) {
        // Outside of a transaction, and on a connection that is gone, there is nothing to take back.
        let _ = self.client.batch_execute("ROLLBACK").await;
    }

    async fn exchange(&mut self, _: &[(i32, i64)]) -> Result<(), RebuildError> {
        exchange::exchange(&self.client, &self.names).await
    }

    async fn clear(&mut self) -> Result<(), RebuildError> {
        self.release().await;
        drop_ours(&self.client, &self.names).await.map(drop)
    }
}
