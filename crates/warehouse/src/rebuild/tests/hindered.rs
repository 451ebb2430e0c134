//! What is in an exchange's way is told before, with a statement that mends it; and what is none of its matter is let be.

use store::testing::connect;
use tokio_postgres::Client;

use super::super::{Found, TABLES};
use super::log::Log;
use super::server::{filled, one};
use super::standstill::at_once;
use super::{history, rebuild};
use crate::tests::bench::{Behind, Bench};
use crate::tests::history::at;
use crate::tests::postgres::database;
use crate::tests::reference;
use crate::{Place, SCHEMA, Tables, open, postgres};

/// What a dry run finds.
async fn look(bench: &Bench) -> Found {
    postgres::look(&bench.place, &[]).await.unwrap()
}

/// Runs the statements that are told, whatever they are.
async fn mend(client: &Client, told: &[String]) {
    for told in told {
        let (_, statement) = told.split_once(": ").unwrap_or_else(|| panic!("no statement: {told}"));
        client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{told}: {error}"));
    }
}

/// Of each kind that would be lost one.
const STRANGERS: &str = "CREATE SCHEMA charts; CREATE TABLE charts.watched (subject uuid REFERENCES okr.okr_state);
    CREATE MATERIALIZED VIEW charts.kept AS SELECT * FROM okr.okr_state; CREATE TABLE charts.noted (state okr.okr_state);
    CREATE VIEW charts.whole AS SELECT e FROM okr.okr_events e; CREATE TABLE charts.more () INHERITS (okr.okr_corrections);
    CREATE FUNCTION charts.recent() RETURNS SETOF okr.okr_events LANGUAGE sql AS 'SELECT * FROM okr.okr_events';
    CREATE FUNCTION charts.count() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM okr.okr_events; END;
    CREATE TRIGGER mine BEFORE UPDATE ON okr.okr_state FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
    CREATE RULE quiet AS ON UPDATE TO okr.okr_corrections DO ALSO NOTHING; CREATE TABLE charts.seen (a uuid);
    CREATE POLICY few ON okr.okr_state USING (true); ALTER TABLE okr.okr_events ENABLE ROW LEVEL SECURITY;
    CREATE POLICY linked ON charts.seen USING (EXISTS (SELECT FROM okr.okr_state WHERE subject_uid = a));
    ALTER TABLE okr.okr_events ADD CONSTRAINT sober CHECK (note <> 'poison');
    CREATE STATISTICS charts.pairs ON team, department FROM okr.okr_state; CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE PUBLICATION one FOR TABLE okr.okr_state; CREATE PUBLICATION whole FOR TABLES IN SCHEMA okr";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_would_be_lost_is_told_with_the_statement_that_takes_it_away() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    client.batch_execute(STRANGERS).await.unwrap();
    let told = look(&bench).await.strangers;
    let kinds = [
        "column e of view charts.whole",
        "column state of table charts.noted",
        "constraint sober of okr.okr_events",
        "constraint watched_subject_fkey of charts.watched",
        "function charts.count()",
        "function charts.recent()",
        "materialized view charts.kept",
        "policy few of okr.okr_state",
        "policy linked of charts.seen",
        "publication everything of all tables",
        "publication one of okr_state",
        "row level security of okr_events",
        "rule quiet of okr.okr_corrections",
        "statistics pairs of okr_state",
        "table charts.more under okr_corrections",
        "trigger mine of okr_state",
        "publication whole of schema okr",
    ];
    assert_eq!(told.iter().map(|told| told.split(": ").next().unwrap()).collect::<Vec<_>>(), kinds);
    mend(&client, &told).await;
    let left = look(&bench).await;
    assert!(left.strangers.is_empty() && left.lacking.is_empty(), "{left:?}");
    rebuild(&bench, &log, false, &at_once).await.unwrap();
}

/// A warehouse of a role that is nobody else, and a view over it of somebody else.
async fn of_a_plain_role(log: &Log, [keeper, ada]: [&str; 2]) -> (Bench, Client) {
    let database = database().await;
    let admin = connect(&database.url).await.unwrap();
    let roles = format!(
        "CREATE ROLE {keeper}; CREATE ROLE {ada};
         DO $$ BEGIN EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO {keeper}', current_database()); END $$"
    );
    admin.batch_execute(&roles).await.unwrap();
    let more = if database.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{more}options=-c%20role%3D{keeper}", database.url);
    let place = Place { url, schema: SCHEMA.to_owned() };
    let target = open(&place, Tables::Migrate).await.unwrap();
    drop(log.member(&target).await);
    let theirs = format!(
        "CREATE SCHEMA charts; CREATE SCHEMA people AUTHORIZATION {ada}; GRANT USAGE, CREATE ON SCHEMA charts TO {ada};
         GRANT USAGE ON SCHEMA okr TO {ada}; GRANT SELECT ON ALL TABLES IN SCHEMA okr TO {ada}; SET ROLE {ada};
         CREATE TABLE people.list (email text); CREATE VIEW charts.theirs AS SELECT e.event_id, p.email
             FROM okr.okr_events e LEFT JOIN people.list p ON p.email = e.owner_email; RESET ROLE"
    );
    admin.batch_execute(&theirs).await.unwrap();
    let client = connect(&database.url).await.unwrap();
    client.batch_execute("SET search_path = okr; SET TimeZone = 'UTC'").await.unwrap();
    (Bench { target, place, behind: Behind::Postgres { client, _database: database } }, admin)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_the_exchange_would_lack_are_told_before_with_what_grants_them() {
    let log = Log::of(&history());
    let [keeper, ada] = ["keeper", "ada"].map(|name| format!("{name}_{}", uuid::Uuid::now_v7().simple()));
    let (bench, admin) = of_a_plain_role(&log, [&keeper, &ada]).await;
    let less = format!(
        "ALTER TABLE okr.okr_corrections OWNER TO {ada};
         DO $$ BEGIN EXECUTE format('REVOKE CREATE ON DATABASE %I FROM {keeper}', current_database()); END $$"
    );
    admin.batch_execute(&less).await.unwrap();
    let found = look(&bench).await;
    let name: String = admin.query_one("SELECT current_database()", &[]).await.unwrap().get(0);
    let expected = [
        format!("no schema may be made in database {name}: GRANT CREATE ON DATABASE {name} TO {keeper}"),
        format!("nothing may be made in schema charts: GRANT CREATE ON SCHEMA charts TO {keeper}"),
        format!("table okr.okr_corrections belongs to {ada}: GRANT {ada} TO {keeper}"),
        format!(
            "the owner of table okr.okr_corrections, {ada}, may make nothing in its schema: GRANT CREATE ON SCHEMA okr TO {ada}"
        ),
        format!("view charts.theirs belongs to {ada}: GRANT {ada} TO {keeper}"),
        format!(
            "view charts.theirs names what is in schema charts: GRANT USAGE ON SCHEMA charts TO {keeper}"
        ),
        format!(
            "view charts.theirs names what is in schema people: GRANT USAGE ON SCHEMA people TO {keeper}"
        ),
    ];
    assert_eq!(found.lacking, expected);
    assert!(found.strangers.is_empty(), "{:?}", found.strangers);
    mend(&admin, &found.lacking).await;
    assert!(look(&bench).await.lacking.is_empty());
    admin.batch_execute("UPDATE okr.okr_events SET owner_email = 'damaged'").await.unwrap();
    // Whatever else the view reads is nobody's matter: it may be in use all the time.
    let busy = connect(&bench.place.url.replace(&keeper, &ada)).await.unwrap();
    busy.batch_execute("BEGIN; INSERT INTO people.list VALUES ('damaged')").await.unwrap();
    rebuild(&bench, &log, false, &at_once).await.unwrap();
    busy.batch_execute("COMMIT").await.unwrap();
    assert_eq!(one(&admin, "SELECT count(email) FROM charts.theirs").await, 0);
    let theirs = format!(
        "SELECT count(*) FROM pg_class WHERE relowner = '{ada}'::regrole
            AND oid IN ('charts.theirs'::regclass, 'okr.okr_corrections'::regclass)"
    );
    assert_eq!(one(&admin, &theirs).await, 2);
    reference::check(&bench, &log.all()).await.unwrap();
    drop(bench.target);
    let away = format!("DROP OWNED BY {keeper}, {ada} CASCADE; DROP ROLE {keeper}, {ada}");
    admin.batch_execute(&away).await.unwrap();
}

/// Who may do what with the tables, and with their columns.
const RIGHTS: &str = "SELECT t.relname, r.attname, r.grantee::regrole::text AS of, r.privilege_type, r.is_grantable
    FROM pg_class t CROSS JOIN LATERAL (
        SELECT '' AS attname, acl.* FROM aclexplode(coalesce(t.relacl, acldefault('r', t.relowner))) acl
        UNION ALL SELECT a.attname, acl.* FROM pg_attribute a, aclexplode(a.attacl) acl WHERE a.attrelid = t.oid
    ) r WHERE t.relnamespace = 'okr'::regnamespace AND t.relkind = 'r' ORDER BY 1, 2, 3, 4";

/// Whoever rebuilds owns the new tables first, and gives them away: what was its own by grant must not go with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_own_the_tables_keeps_the_rights_that_it_was_given() {
    let log = Log::of(&history());
    let [keeper, ada] = ["keeper", "ada"].map(|name| format!("{name}_{}", uuid::Uuid::now_v7().simple()));
    let (bench, admin) = of_a_plain_role(&log, [&keeper, &ada]).await;
    let given = TABLES.map(|table| {
        format!(
            "ALTER TABLE okr.{table} OWNER TO {ada}; GRANT SELECT, INSERT, UPDATE, DELETE ON okr.{table} TO {keeper};"
        )
    });
    let more = format!(
        "GRANT REFERENCES (event_id) ON okr.okr_events TO {keeper} WITH GRANT OPTION;
         GRANT SELECT ON okr.okr_progress_daily TO PUBLIC; REVOKE TRUNCATE ON okr.okr_state FROM {ada};
         ALTER DEFAULT PRIVILEGES FOR ROLE {keeper} GRANT SELECT ON TABLES TO {ada}, PUBLIC"
    );
    admin.batch_execute(&format!("{} {more}", given.concat())).await.unwrap();
    mend(&admin, &look(&bench).await.lacking).await;
    let before = bench.rows(RIGHTS).await;
    rebuild(&bench, &log, false, &at_once).await.unwrap();
    assert_eq!(bench.rows(RIGHTS).await, before);
    // A member with these rights alone goes on, and views that it owns are read.
    admin.batch_execute(&format!("REVOKE {ada} FROM {keeper}")).await.unwrap();
    log.add(0, Some(at("kr-0", 800, 8_000, 0.5)));
    drop(log.member(&bench.target).await);
    assert!(one(&admin, "SELECT count(*) FROM okr.okr_key_results").await > 0);
    reference::check(&bench, &log.all()).await.unwrap();
    drop(bench.target);
    let away = format!("DROP OWNED BY {keeper}, {ada} CASCADE; DROP ROLE {keeper}, {ada}");
    admin.batch_execute(&away).await.unwrap();
}
