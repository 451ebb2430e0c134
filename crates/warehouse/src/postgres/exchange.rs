//! The exchange: in one transaction the new tables take the names, the rights and the views of the old ones.
//!
//! A table is what it is by its number; names, rights and views are what is brought over. So a query that had begun
//! reads the old tables to its end, and the next one the new ones, and no query reads both: all views over the tables
//! are locked before the first table is moved. What else these views read is locked by nobody.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use worker::ProgressError;

use super::generation::{Names, failed};
use super::hindrances;
use crate::TOPIC;
use crate::migrate::postgres::quoted;
use crate::rebuild::{ERASURES, Lost, RebuildError, TABLES};

/// Migrations wait from here on. Should this process stop now, the server gives everybody free again after a moment: the
/// last records come on other connections, and this one has nothing to say meanwhile.
const BEGIN: &str =
    "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL lock_timeout = '3s';
    SELECT pg_advisory_xact_lock(8028636300320010853)";

/// What keeps `VACUUM` and everything else away that takes long and is no query, so that nobody begins it any more. The
/// server ends an autovacuum for whoever has waited for it as long as `deadlock_timeout`; neither queries nor members
/// wait behind this.
const PATIENCE: &str = "SELECT set_config('lock_timeout', least(setting::bigint + 2000, 60000)::text, true)
    FROM pg_settings WHERE name = 'deadlock_timeout'";

/// Whoever writes waits: commits (as whoever corrects deliveries has the tables alone), then assignments. Each wait is
/// short, for everybody who comes later waits behind it.
pub(super) const HOLD: &str = "SET LOCAL lock_timeout = '3s';
    SELECT pg_advisory_xact_lock(8028075, (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()));
    SET LOCAL lock_timeout = '1s'; LOCK TABLE okr_sink_offsets IN EXCLUSIVE MODE";

/// From here on everything is said without a pause, and readers wait as well: all locks have one time together.
const HURRY: &str = "SET LOCAL idle_in_transaction_session_timeout = '2s'; SET LOCAL search_path = '';
    SET LOCAL lock_timeout = 0";
/// All locks are there.
const LOCKED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '1s'";

/// How long all locks together are waited for. A reader may have a table and come for a view while we have the view and
/// come for the table; the server looks for such circles after `deadlock_timeout`, and ends whoever finds one. By then it
/// was us who gave way.
const LOCK_MAX: &str = "SELECT greatest(1, least(800, setting::bigint * 4 / 5))::integer FROM pg_settings
    WHERE name = 'deadlock_timeout'";

/// Views over the tables: their names, their owners, the text that makes them again, whether they read other tables, and
/// whether they are somebody's own. Those that were made last come first; they may stand on others, and a reader locks
/// them in that order.
const VIEWS: &str = "SELECT v.oid, format('%I.%I', n.nspname, v.relname), v.relowner::regrole::text,
        format('CREATE OR REPLACE VIEW %I.%I%s AS %s', n.nspname, v.relname,
            ' WITH (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid)),
        bool_or(t.relnamespace <> live.oid), bool_or(t.relnamespace <> live.oid OR t.relowner <> v.relowner)
    FROM pg_namespace live
    CROSS JOIN pg_class t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.oid <> t.oid
    JOIN pg_namespace n ON n.oid = v.relnamespace
    WHERE live.nspname = $1
    GROUP BY v.oid, n.nspname, v.relname, v.relowner, v.reloptions
    HAVING bool_or(t.relnamespace = live.oid AND t.relname = ANY($2::text[]))
    ORDER BY v.oid DESC";

/// Rights that the new tables must not have, as statements for tables that have come to the live schema: what they were
/// given by default, and what an owner has of its own tables, where that was ever changed.
const REVOKES: &str = "WITH tables AS (SELECT relname, relowner, relacl FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = ANY($3::text[])),
    given AS (
        SELECT old.relname, acl.grantee FROM tables old JOIN pg_class new ON new.relname = old.relname,
            aclexplode(new.relacl) AS acl
        WHERE new.relnamespace = to_regnamespace(quote_ident($2)) AND acl.grantee NOT IN (old.relowner, new.relowner)
        UNION
        SELECT relname, relowner FROM tables WHERE relacl IS NOT NULL
    )
    SELECT format('REVOKE ALL ON %I.%I FROM %s', $1::text, relname,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
    FROM given";

/// Rights on the tables and on their columns, as statements for tables that have come to the live schema and have their
/// owners: whoever gives a table away gives its own rights away with it.
const GRANTS: &str = "WITH tables AS (SELECT oid, relname, relacl FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = ANY($3::text[])),
    rights AS (
        SELECT relname, NULL::name AS attname, acl.* FROM tables, aclexplode(relacl) AS acl
        UNION ALL
        SELECT relname, attname, acl.* FROM tables JOIN pg_attribute ON attrelid = oid, aclexplode(attacl) AS acl
    )
    SELECT format('GRANT %s%s ON %I.%I TO %s%s', privilege_type, '(' || quote_ident(attname) || ')', $1::text, relname,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM rights WHERE $2::text IS NOT NULL";

/// Owners, where they differ, as statements for tables that have come to the live schema.
const OWNERS: &str =
    "SELECT format('ALTER TABLE %I.%I OWNER TO %I', $1::text, old.relname, pg_get_userbyid(old.relowner))
    FROM pg_class old JOIN pg_class new ON new.relname = old.relname AND new.relowner <> old.relowner
    WHERE old.relnamespace = to_regnamespace(quote_ident($1)) AND old.relname = ANY($3::text[])
        AND new.relnamespace = to_regnamespace(quote_ident($2))";

/// By partition, what is looked at: what comes before the first offset, and what comes from the second one on; without
/// a second one, where the live generation stands. Nothing of this topic lies there: it was of one before.
pub(super) type Bounds = (i32, i64, Option<i64>);

/// Rows of the live events out of these bounds, or of partitions that the topic does not have; with `fresh`, those alone
/// that are not in that schema. Told apart are those of records that were `skipped`.
pub(super) async fn gone(
    client: &Client,
    bounds: &[Bounds],
    skipped: &[(i32, i64)],
    fresh: Option<&str>,
) -> Result<Lost, RebuildError> {
    let lacks = |fresh: &str| {
        let fresh = quoted(fresh);
        format!("AND NOT EXISTS (SELECT FROM {fresh}.okr_events AS ours WHERE ours.event_id = l.event_id)")
    };
    let count = format!(
        "SELECT count(*) - count(s.at), count(s.at), min(format('%s/%s@%s', l.kafka_topic, s.partition, s.at))
            FILTER (WHERE s.at IS NOT NULL)
        FROM okr_events AS l
        LEFT JOIN unnest($1::integer[], $2::bigint[], $4::bigint[]) AS c (partition, upto, since)
            ON c.partition = l.kafka_partition AND l.kafka_topic = $3
        LEFT JOIN okr_sink_offsets AS o ON o.topic = l.kafka_topic AND o.partition = l.kafka_partition
        LEFT JOIN unnest($5::integer[], $6::bigint[]) AS s (partition, at)
            ON s.partition = l.kafka_partition AND s.at = l.kafka_offset AND l.kafka_topic = $3
        WHERE (l.kafka_offset < coalesce(c.upto, l.kafka_offset + 1)
            OR l.kafka_offset >= coalesce(c.since, o.next_offset, 0)) {}",
        fresh.map(lacks).unwrap_or_default()
    );
    let partitions: Vec<i32> = bounds.iter().map(|(partition, ..)| *partition).collect();
    let (upto, since): (Vec<i64>, Vec<Option<i64>>) =
        bounds.iter().map(|(_, upto, since)| (*upto, *since)).unzip();
    let (of, at): (Vec<i32>, Vec<i64>) = skipped.iter().copied().unzip();
    let row = client.query_one(&count, &[&partitions, &upto, &TOPIC, &since, &of, &at]).await;
    let lost = row.and_then(|row| {
        Ok(Lost { gone: row.try_get(0)?, rejected: row.try_get(1)?, such_as: row.try_get(2)? })
    });
    lost.map_err(failed)
}

/// All that can be waited for without holding up members or queries.
pub(super) async fn reserve(client: &Client, names: &Names) -> Result<(), RebuildError> {
    let run = async |sql: &str| client.batch_execute(sql).await.map_err(failed);
    run(BEGIN).await?;
    run("SET LOCAL search_path = ''").await?;
    hindrances::none(client, &names.live).await?;
    run(PATIENCE).await?;
    let all = [tables(&names.fresh), tables(&names.live)].concat();
    run(&format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", all.join(", "))).await?;
    run(&format!("SET LOCAL search_path = {}", quoted(&names.live))).await
}

fn tables(schema: &str) -> Vec<String> {
    TABLES.iter().map(|table| format!("{}.{table}", quoted(schema))).collect()
}

/// A view over the tables.
struct View {
    oid: u32,
    name: String,
    owner: String,
    /// What makes it again.
    made: String,
    /// Whether it reads tables that are not ours.
    reads_others: bool,
    /// Or has another owner: who may read the tables may not lock them.
    is_foreign: bool,
}

async fn views(client: &Client, live: &str) -> Result<Vec<View>, RebuildError> {
    let tables: &[&str] = &TABLES;
    let rows = client.query(VIEWS, &[&live, &tables]).await.map_err(failed)?;
    let view = |row: &tokio_postgres::Row| {
        Ok(View {
            oid: row.try_get(0)?,
            name: row.try_get(1)?,
            owner: row.try_get(2)?,
            made: row.try_get(3)?,
            reads_others: row.try_get(4)?,
            is_foreign: row.try_get(5)?,
        })
    };
    rows.iter().map(view).collect::<Result<_, _>>().map_err(failed)
}

/// Locks that are taken together within a time: every wait may take what is left of it.
struct Locks<'c> {
    client: &'c Client,
    since: Instant,
    most: Duration,
}

impl<'c> Locks<'c> {
    async fn begin(client: &'c Client) -> Result<Self, RebuildError> {
        let most = client.query_one(LOCK_MAX, &[]).await.and_then(|row| row.try_get::<_, i32>(0));
        let most = Duration::from_millis(u64::from(most.map_err(failed)?.unsigned_abs()));
        Ok(Self { client, since: Instant::now(), most })
    }

    async fn take(&self, what: &str, sql: &str) -> Result<(), RebuildError> {
        let left = self.most.saturating_sub(self.since.elapsed()).as_millis().max(1);
        let taken = self.client.batch_execute(&format!("SET LOCAL statement_timeout = {left}; {sql}")).await;
        taken.map_err(failed).map_err(|error| match error {
            RebuildError::Busy(why) => RebuildError::Busy(format!("{what}: {why}")),
            other => other,
        })
    }
}

/// Locks the new tables, which nobody uses, the views as they are then, and the live tables; nothing else.
///
/// The latter in one statement: a query that reads a table before a view, over and over, has the table again in the
/// moment in which its view was given to us, if we have to be asked what we want next.
async fn lock(client: &Client, names: &Names) -> Result<Vec<View>, RebuildError> {
    let (locks, all) = (Locks::begin(client).await?, async || views(client, &names.live).await);
    let exclusive = |tables: &[String]| format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    locks.take("the new tables", &exclusive(&tables(&names.fresh))).await?;
    let found = all().await?;
    let (foreign, own): (Vec<_>, Vec<_>) = found.iter().partition(|view| view.is_foreign);
    let mut words = Vec::new();
    for View { name, owner, made, reads_others, .. } in foreign {
        // An owner that it has already: nothing is changed, and the view alone is locked. `LOCK TABLE` would go on to all
        // that it reads.
        words.push(format!("ALTER VIEW {name} OWNER TO {owner}"));
        // Making a view looks at all that it reads, which somebody may have locked: that is found out now, while time
        // counts.
        words.extend(reads_others.then(|| made.trim_end_matches(';').to_owned()));
    }
    let all_of_ours: Vec<_> = own.iter().map(|view| view.name.clone()).chain(tables(&names.live)).collect();
    words.push(exclusive(&all_of_ours));
    locks.take("the tables and their views", &at_once(&words)).await?;
    client.batch_execute(LOCKED).await.map_err(failed)?;
    let now = all().await?;
    let oids = |views: &[View]| views.iter().map(|view| view.oid).collect::<BTreeSet<_>>();
    if oids(&now) != oids(&found) {
        return Err(RebuildError::Busy("a view was made over the tables just now".to_owned()));
    }
    Ok(now)
}

/// Statements as one, for which the time of one counts.
fn at_once(statements: &[String]) -> String {
    let body = format!("BEGIN {}; END", statements.join("; "));
    let quotes = (0..).map(|nth| format!("$at_once{nth}$")).find(|quotes| !body.contains(quotes.as_str()));
    let quotes = quotes.unwrap_or_default();
    format!("DO {quotes} {body} {quotes}")
}

/// After [`reserve`] and [`HOLD`]: the new tables are the live ones.
pub(super) async fn exchange(client: &Client, names: &Names) -> Result<(), RebuildError> {
    let (tables, run): (&[&str], _) =
        (&TABLES, async |sql: &str| client.batch_execute(sql).await.map_err(failed));
    let [live, fresh, retired] = [&names.live, &names.fresh, &names.retired].map(|name| quoted(name));
    // Views are written with the schema of each name.
    run(HURRY).await?;
    let views = lock(client, names).await?;
    hindrances::none(client, &names.live).await?;
    same(client, (&live, &fresh)).await?;
    let mut words = Vec::new();
    for sql in [OWNERS, REVOKES, GRANTS] {
        let rows = client.query(sql, &[&names.live, &names.fresh, &tables]).await.map_err(failed)?;
        for row in rows {
            words.push(row.try_get::<_, String>(0).map_err(failed)?);
        }
    }
    run(&format!("CREATE SCHEMA {retired}; COMMENT ON SCHEMA {retired} IS '{}'", names.mark)).await?;
    for table in TABLES {
        let moved = format!(
            "ALTER TABLE {live}.{table} SET SCHEMA {retired}; ALTER TABLE {fresh}.{table} SET SCHEMA {live}"
        );
        run(&moved).await?;
    }
    run(&words.join("; ")).await?;
    for view in &views {
        run(&view.made).await?;
    }
    commit(client).await
}

async fn commit(client: &Client) -> Result<(), RebuildError> {
    client.batch_execute("COMMIT").await.map_err(|error| {
        // The server had ended the transaction before it was told to.
        let is_undone = error.code() == Some(&SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT);
        match failed(error) {
            RebuildError::Home(unsure @ ProgressError::Unavailable(_)) if !is_undone => {
                RebuildError::Unsure(unsure)
            }
            other => other,
        }
    })
}

/// That nothing was changed that a rebuild goes by.
async fn same(client: &Client, (live, fresh): (&str, &str)) -> Result<(), RebuildError> {
    let differ = |table: &str, columns: &str| {
        let [one, other] = [live, fresh].map(|schema| format!("SELECT {columns} FROM {schema}.{table}"));
        format!("SELECT EXISTS (({one} EXCEPT {other}) UNION ALL ({other} EXCEPT {one}))")
    };
    let differs = async |sql: String| {
        let row = client.query_one(&sql, &[]).await.map_err(failed)?;
        row.try_get::<_, bool>(0).map_err(failed)
    };
    if differs(differ("okr_migrations", "version, checksum")).await? {
        return Err(RebuildError::Overtaken("the live tables were migrated"));
    }
    let has = differs(format!("SELECT to_regclass('{live}.{ERASURES}') IS NOT NULL")).await?;
    if has && differs(differ(ERASURES, "token")).await? {
        return Err(RebuildError::Overtaken("somebody was forgotten"));
    }
    Ok(())
}
