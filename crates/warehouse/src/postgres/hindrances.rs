//! What would keep tables from being exchanged: what stands on them and cannot come along, and rights that lack. Each is
//! told with the statement that mends it, before anything is filled.

use tokio_postgres::Client;

use super::generation::failed;
use crate::rebuild::{RebuildError, TABLES};

/// What stands on the tables and cannot be brought over, and what takes it away.
const STRANGERS: &str = "WITH tables AS (
        SELECT c.oid, relname, reltype, relrowsecurity, relforcerowsecurity, format('%I.%I', $1::text, relname) AS name
        FROM pg_class c WHERE relnamespace = to_regnamespace(quote_ident($1)) AND relname = ANY($2::text[]))
    SELECT words, mend FROM (
        SELECT CASE v.relkind WHEN 'm' THEN 'materialized view ' || v.oid::regclass
                WHEN 'v' THEN 'temporary view ' || v.oid::regclass || ' of a session'
                ELSE 'rule ' || r.rulename || ' of ' || v.oid::regclass END,
            CASE v.relkind WHEN 'm' THEN format('DROP MATERIALIZED VIEW %s', v.oid::regclass)
                WHEN 'v' THEN format('DROP VIEW %s', v.oid::regclass)
                ELSE format('DROP RULE %I ON %s', r.rulename, v.oid::regclass) END
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite r ON r.oid = d.objid
        JOIN pg_class v ON v.oid = r.ev_class
        WHERE v.relkind <> 'v' OR v.relpersistence = 't'
        UNION SELECT 'trigger ' || tgname || ' of ' || relname, format('DROP TRIGGER %I ON %s', tgname, name)
        FROM tables t JOIN pg_trigger ON tgrelid = t.oid WHERE NOT tgisinternal
        UNION SELECT 'policy ' || polname || ' of ' || polrelid::regclass,
            format('DROP POLICY %I ON %s', polname, polrelid::regclass)
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_policy'::regclass
        JOIN pg_policy p ON p.oid = d.objid
        UNION SELECT 'row level security of ' || relname,
            format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', name)
        FROM tables WHERE relrowsecurity OR relforcerowsecurity
        UNION SELECT pg_describe_object(d.classid, d.objid, d.objsubid),
            CASE WHEN c.relkind = 'r' THEN format('ALTER TABLE %s DROP COLUMN %I', c.oid::regclass, a.attname)
                WHEN c.relkind = 'v' THEN format('DROP VIEW %s', c.oid::regclass)
                WHEN d.classid = 'pg_proc'::regclass THEN format('DROP ROUTINE %s', d.objid::regprocedure) END
        FROM tables t
        JOIN pg_type r ON r.oid = t.reltype
        JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (r.oid, r.typarray) AND d.deptype <> 'i'
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
        UNION SELECT 'publication ' || pubname || ' of all tables', format('DROP PUBLICATION %I', pubname)
        FROM tables, pg_publication WHERE puballtables
        UNION SELECT 'publication ' || pubname || ' of ' || relname,
            format('ALTER PUBLICATION %I DROP TABLE %s', pubname, name)
        FROM tables t JOIN pg_publication_rel ON prrelid = t.oid JOIN pg_publication p ON p.oid = prpubid
        UNION SELECT 'constraint ' || conname || ' of ' || conrelid::regclass,
            format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
        FROM tables t JOIN pg_constraint ON (conrelid = t.oid AND contype IN ('c', 'f', 'x')) OR confrelid = t.oid
        UNION SELECT 'statistics ' || stxname || ' of ' || relname,
            format('DROP STATISTICS %s.%I', stxnamespace::regnamespace, stxname)
        FROM tables t JOIN pg_statistic_ext ON stxrelid = t.oid
        UNION SELECT 'table ' || inhrelid::regclass || ' under ' || relname,
            format('ALTER TABLE %s NO INHERIT %s', inhrelid::regclass, name)
        FROM tables t JOIN pg_inherits ON inhparent = t.oid
        UNION SELECT 'function ' || objid::regprocedure, format('DROP ROUTINE %s', objid::regprocedure)
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_proc'::regclass
    ) AS found (words, mend) ORDER BY words";

/// Publications of a whole schema, which servers before 15 do not know: the new rows are not theirs, and the tables would
/// be others all of a sudden.
const PUBLISHED: &str = "SELECT 'publication ' || pubname || ' of schema ' || pnnspid::regnamespace,
        format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA %s', pubname, pnnspid::regnamespace)
    FROM pg_publication_namespace JOIN pg_publication p ON p.oid = pnpubid
    WHERE pnnspid = to_regnamespace(quote_ident($1)) AND $2::text[] IS NOT NULL ORDER BY 1";
const KNOWS_PUBLISHED: &str = "SELECT to_regclass('pg_catalog.pg_publication_namespace') IS NOT NULL";

/// Rights that the exchange asks for at its very end, and that this role does not have: to act for the owners of tables
/// and of views over them, to make things in their schemas, and to see what views name.
const LACKING: &str = "WITH live AS (SELECT oid, oid::regnamespace AS name FROM pg_namespace WHERE nspname = $1),
    tables AS (SELECT c.oid, c.relowner FROM pg_class c JOIN live ON live.oid = relnamespace WHERE relname = ANY($2::text[])),
    views AS (
        SELECT DISTINCT v.oid, v.relowner, v.relnamespace, r.oid AS rule
        FROM tables t
        JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite r ON r.oid = d.objid
        JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v' AND v.relpersistence <> 't'),
    named AS (
        SELECT v.oid, coalesce(c.relnamespace, p.pronamespace, t.typnamespace, o.oprnamespace, l.collnamespace) AS schema
        FROM views v
        JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = v.rule
        LEFT JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
        LEFT JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
        LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
        LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
        LEFT JOIN pg_collation l ON d.refclassid = 'pg_collation'::regclass AND l.oid = d.refobjid),
    me AS (SELECT oid::regrole AS name, rolsuper FROM pg_roles WHERE rolname = current_user)
    SELECT words, mend FROM (
        SELECT format('table %s belongs to %s', t.oid::regclass, t.relowner::regrole),
            format('GRANT %s TO %s', t.relowner::regrole, me.name)
        FROM tables t, me WHERE NOT pg_has_role(t.relowner, 'USAGE')
        UNION SELECT format('the owner of table %s, %s, may make nothing in its schema', t.oid::regclass, t.relowner::regrole),
            format('GRANT CREATE ON SCHEMA %s TO %s', live.name, t.relowner::regrole)
        FROM tables t, live, me
        WHERE t.relowner <> me.name AND NOT me.rolsuper AND NOT has_schema_privilege(t.relowner, live.oid, 'CREATE')
        UNION SELECT format('view %s belongs to %s', v.oid::regclass, v.relowner::regrole),
            format('GRANT %s TO %s', v.relowner::regrole, me.name)
        FROM views v, me WHERE NOT pg_has_role(v.relowner, 'USAGE')
        UNION SELECT format('nothing may be made in schema %s', of.schema::regnamespace),
            format('GRANT CREATE ON SCHEMA %s TO %s', of.schema::regnamespace, me.name)
        FROM (SELECT oid FROM live UNION SELECT relnamespace FROM views) AS of (schema), me
        WHERE NOT has_schema_privilege(of.schema, 'CREATE')
        UNION SELECT format('view %s names what is in schema %s', n.oid::regclass, n.schema::regnamespace),
            format('GRANT USAGE ON SCHEMA %s TO %s', n.schema::regnamespace, me.name)
        FROM named n, me WHERE n.schema IS NOT NULL AND NOT has_schema_privilege(n.schema, 'USAGE')
        UNION SELECT format('no schema may be made in database %I', current_database()),
            format('GRANT CREATE ON DATABASE %I TO %s', current_database(), me.name)
        FROM me WHERE NOT has_database_privilege(current_database(), 'CREATE')
        UNION SELECT format('members cannot be held up by %s', me.name),
            format('GRANT UPDATE ON %I.okr_sink_offsets TO %s', $1::text, me.name)
        FROM me, pg_class c JOIN live ON live.oid = c.relnamespace
        WHERE relname = 'okr_sink_offsets' AND NOT has_table_privilege(c.oid, 'UPDATE')
    ) AS found (words, mend) ORDER BY words";

/// Each in words, with the statement that mends it. Both are empty where nothing is in the way.
#[derive(Debug, Default)]
pub(super) struct Hindrances {
    /// What would not come along.
    pub(super) strangers: Vec<String>,
    /// Rights that this role does not have.
    pub(super) lacking: Vec<String>,
}

/// Looks for them. Names are written in full where `search_path` is empty.
pub(super) async fn find(client: &Client, live: &str) -> Result<Hindrances, RebuildError> {
    let mut strangers = told(client, STRANGERS, live).await?;
    let knows = client.query_one(KNOWS_PUBLISHED, &[]).await.map_err(failed)?;
    if knows.try_get(0).map_err(failed)? {
        strangers.extend(told(client, PUBLISHED, live).await?);
    }
    Ok(Hindrances { strangers, lacking: told(client, LACKING, live).await? })
}

/// That nothing is in the way.
pub(super) async fn none(client: &Client, live: &str) -> Result<(), RebuildError> {
    let Hindrances { strangers, lacking } = find(client, live).await?;
    if !strangers.is_empty() {
        return Err(RebuildError::Strangers(strangers));
    }
    if lacking.is_empty() { Ok(()) } else { Err(RebuildError::Lacking(lacking)) }
}

async fn told(client: &Client, sql: &str, live: &str) -> Result<Vec<String>, RebuildError> {
    let tables: &[&str] = &TABLES;
    let rows = client.query(sql, &[&live, &tables]).await.map_err(failed)?;
    let words = |row: &tokio_postgres::Row| {
        let (words, mend): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        Ok(mend.map_or_else(|| words.clone(), |mend| format!("{words}: {mend}")))
    };
    rows.iter().map(words).collect::<Result<_, _>>().map_err(failed)
}
