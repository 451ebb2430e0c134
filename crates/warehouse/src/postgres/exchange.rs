//! The exchange: in one transaction the new tables take the names, the rights and the views of the old ones.
//!
//! A table is what it is by its number; names, rights and views are what is brought over. So a query that had begun
//! reads the old tables to its end, and the next one the new ones, and no query reads both: all views over the tables
//! are locked before the first table is moved.

use std::time::Duration;

use tokio_postgres::Client;
use worker::ProgressError;

use super::generation::{Names, failed};
use crate::TOPIC;
use crate::migrate::postgres::quoted;
use crate::rebuild::{ERASURES, RebuildError, TABLES};

/// Whoever writes waits: migrations, then commits (as whoever corrects deliveries has the tables alone), then
/// assignments. Each wait is short, for everybody who comes later waits behind it.
pub(super) const HOLD: &str = "BEGIN; SET LOCAL lock_timeout = '3s';
    SELECT pg_advisory_xact_lock(8028636300320010853);
    SELECT pg_advisory_xact_lock(8028075, (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()));
    LOCK TABLE okr_sink_offsets IN EXCLUSIVE MODE";

/// How long all locks together are waited for. A reader may have a table and come for a view while we have the view and
/// come for the table; the server looks for such circles after a second (`deadlock_timeout`) and ends whoever finds one.
/// By then it was us who gave way.
const LOCK_MAX: Duration = Duration::from_millis(800);

/// Views over the tables: their names, and the text that makes them again. Those that were made last come first; they
/// may stand on others, and a reader locks them in that order.
const VIEWS: &str = "SELECT DISTINCT v.oid, format('%I.%I', n.nspname, v.relname),
        format('CREATE OR REPLACE VIEW %I.%I%s AS %s', n.nspname, v.relname,
            ' WITH (' || array_to_string(v.reloptions, ', ') || ')', pg_get_viewdef(v.oid))
    FROM pg_depend d
    JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
    JOIN pg_namespace n ON n.oid = v.relnamespace
    JOIN pg_class t ON t.oid = d.refobjid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
        AND t.relnamespace = to_regnamespace(quote_ident($1)) AND t.relname = ANY($2::text[])
    ORDER BY v.oid DESC";

/// What stands on the tables and cannot be brought over.
const STRANGERS: &str = "WITH tables AS (SELECT oid, relname FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = ANY($2::text[]))
    SELECT words FROM (
        SELECT CASE WHEN v.relkind = 'v' THEN 'view ' || v.oid::regclass || ' of role ' || v.relowner::regrole
                WHEN v.relkind = 'm' THEN 'materialized view ' || v.oid::regclass
                ELSE 'rule ' || r.rulename || ' of ' || v.oid::regclass END
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite r ON r.oid = d.objid
        JOIN pg_class v ON v.oid = r.ev_class
        WHERE v.relkind <> 'v' OR NOT pg_has_role(v.relowner, 'USAGE')
        UNION SELECT 'trigger ' || tgname || ' of ' || relname
        FROM tables t JOIN pg_trigger ON tgrelid = t.oid WHERE NOT tgisinternal
        UNION SELECT 'policy ' || polname || ' of ' || polrelid::regclass
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_policy'::regclass
        JOIN pg_policy p ON p.oid = d.objid
        UNION SELECT 'row level security of ' || t.relname
        FROM tables t JOIN pg_class c USING (oid) WHERE relrowsecurity OR relforcerowsecurity
        UNION SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
        FROM tables t
        JOIN pg_class c USING (oid)
        JOIN pg_type r ON r.oid = c.reltype
        JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (r.oid, r.typarray) AND d.deptype <> 'i'
        UNION SELECT 'publication ' || pubname || ' of all tables' FROM tables, pg_publication WHERE puballtables
        UNION SELECT 'constraint ' || conname || ' of ' || conrelid::regclass
        FROM tables t JOIN pg_constraint ON (conrelid = t.oid AND contype IN ('c', 'f', 'x')) OR confrelid = t.oid
        UNION SELECT 'statistics ' || stxname || ' of ' || relname
        FROM tables t JOIN pg_statistic_ext ON stxrelid = t.oid
        UNION SELECT 'publication ' || pubname || ' of ' || relname
        FROM tables t JOIN pg_publication_rel ON prrelid = t.oid JOIN pg_publication p ON p.oid = prpubid
        UNION SELECT 'table ' || inhrelid::regclass || ' under ' || relname
        FROM tables t JOIN pg_inherits ON inhparent = t.oid
        UNION SELECT 'function ' || objid::regprocedure
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_proc'::regclass
    ) AS found (words) ORDER BY words";

/// What the new tables were given by default, which the old ones may not have, as statements.
const REVOKES: &str = "SELECT DISTINCT format('REVOKE ALL ON %I.%I FROM %s', $2::text, relname,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
    FROM pg_class, aclexplode(relacl)
    WHERE relnamespace = to_regnamespace(quote_ident($2)) AND relname = ANY($3::text[]) AND grantee <> relowner
        AND $1::text IS NOT NULL";

/// Rights on the tables and on their columns, as statements for the new ones.
const GRANTS: &str = "WITH tables AS (SELECT oid, relname, relowner, relacl FROM pg_class
        WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = ANY($3::text[])),
    rights AS (
        SELECT relname, relowner, NULL::name AS attname, acl.* FROM tables, aclexplode(relacl) AS acl
        UNION ALL
        SELECT relname, relowner, attname, acl.* FROM tables JOIN pg_attribute ON attrelid = oid, aclexplode(attacl) AS acl
    )
    SELECT format('GRANT %s%s ON %I.%I TO %s%s', privilege_type, '(' || quote_ident(attname) || ')', $2::text, relname,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM rights WHERE grantee <> relowner";

/// Owners, where they differ, as statements for tables that have come to the live schema.
const OWNERS: &str =
    "SELECT format('ALTER TABLE %I.%I OWNER TO %I', $1::text, old.relname, pg_get_userbyid(old.relowner))
    FROM pg_class old JOIN pg_class new ON new.relname = old.relname AND new.relowner <> old.relowner
    WHERE old.relnamespace = to_regnamespace(quote_ident($1)) AND old.relname = ANY($3::text[])
        AND new.relnamespace = to_regnamespace(quote_ident($2))";

/// What would not come along, each in words.
pub(super) async fn strangers(client: &Client, live: &str) -> Result<Vec<String>, RebuildError> {
    let tables: &[&str] = &TABLES;
    let rows = client.query(STRANGERS, &[&live, &tables]).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed)
}

/// By partition, what is looked at: what comes before the first offset, and what comes from the second one on; without
/// a second one, where the live generation stands. Nothing of this topic lies there: it was of one before.
pub(super) type Bounds = (i32, i64, Option<i64>);

/// Rows of the live events out of these bounds, or of partitions that the topic does not have; with `fresh`, those alone
/// that are not in that schema.
pub(super) async fn gone(
    client: &Client,
    bounds: &[Bounds],
    fresh: Option<&str>,
) -> Result<i64, RebuildError> {
    let lacks = |fresh: &str| {
        let fresh = quoted(fresh);
        format!("AND NOT EXISTS (SELECT FROM {fresh}.okr_events AS ours WHERE ours.event_id = l.event_id)")
    };
    let count = format!(
        "SELECT count(*) FROM okr_events AS l
        LEFT JOIN unnest($1::integer[], $2::bigint[], $4::bigint[]) AS c (partition, upto, since)
            ON c.partition = l.kafka_partition AND l.kafka_topic = $3
        LEFT JOIN okr_sink_offsets AS o ON o.topic = l.kafka_topic AND o.partition = l.kafka_partition
        WHERE (l.kafka_offset < coalesce(c.upto, l.kafka_offset + 1)
            OR l.kafka_offset >= coalesce(c.since, o.next_offset, 0)) {}",
        fresh.map(lacks).unwrap_or_default()
    );
    let partitions: Vec<i32> = bounds.iter().map(|(partition, ..)| *partition).collect();
    let (upto, since): (Vec<i64>, Vec<Option<i64>>) =
        bounds.iter().map(|(_, upto, since)| (*upto, *since)).unzip();
    let row = client.query_one(&count, &[&partitions, &upto, &TOPIC, &since]).await.map_err(failed)?;
    row.try_get(0).map_err(failed)
}

/// After [`HOLD`]: the new tables are the live ones.
pub(super) async fn exchange(client: &Client, names: &Names) -> Result<(), RebuildError> {
    let (tables, run): (&[&str], _) =
        (&TABLES, async |sql: String| client.batch_execute(&sql).await.map_err(failed));
    let [live, fresh, retired] = [&names.live, &names.fresh, &names.retired].map(|name| quoted(name));
    let all = async || client.query(VIEWS, &[&names.live, &tables]).await.map_err(failed);
    // Views are written with the schema of each name.
    run("SET LOCAL search_path = ''".to_owned()).await?;
    let mut locked: Vec<String> = Vec::new();
    for view in all().await? {
        locked.push(view.try_get(1).map_err(failed)?);
    }
    locked.extend(TABLES.iter().map(|table| format!("{live}.{table}")));
    run(format!("SET LOCAL statement_timeout = {}", LOCK_MAX.as_millis())).await?;
    run(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", locked.join(", "))).await?;
    run("SET LOCAL statement_timeout = 0".to_owned()).await?;
    let views = all().await?;
    if views.len() + TABLES.len() != locked.len() {
        return Err(RebuildError::Busy("a view was made over them just now".to_owned()));
    }
    let found = strangers(client, &names.live).await?;
    if !found.is_empty() {
        return Err(RebuildError::Strangers(found));
    }
    same(client, (&live, &fresh)).await?;
    let mut words = Vec::new();
    for (sql, schema) in [(REVOKES, &names.fresh), (GRANTS, &names.fresh), (OWNERS, &names.fresh)] {
        let rows = client.query(sql, &[&names.live, schema, &tables]).await.map_err(failed)?;
        for row in rows {
            words.push(row.try_get::<_, String>(0).map_err(failed)?);
        }
    }
    let (owners, grants): (Vec<_>, Vec<_>) = words.into_iter().partition(|words| words.starts_with("ALTER"));
    run(grants.join("; ")).await?;
    run(format!("CREATE SCHEMA {retired}; COMMENT ON SCHEMA {retired} IS '{}'", names.mark)).await?;
    for table in TABLES {
        let moved = format!(
            "ALTER TABLE {live}.{table} SET SCHEMA {retired}; ALTER TABLE {fresh}.{table} SET SCHEMA {live}"
        );
        run(moved).await?;
    }
    run(owners.join("; ")).await?;
    for view in &views {
        run(view.try_get(2).map_err(failed)?).await?;
    }
    run("COMMIT".to_owned()).await.map_err(|error| match error {
        RebuildError::Home(unsure @ ProgressError::Unavailable(_)) => RebuildError::Unsure(unsure),
        other => other,
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
