//! How the server goes about it.

use super::MOVE;
use crate::postgres::Postgres;
use crate::tests::{
    bench::{Bench, Member},
    history::at,
    postgres::database,
};

/// A plan that is made while the tables are small is kept when they are large.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_and_events_are_looked_up_however_few_there_are() {
    let bench = Bench::postgres(database().await).await;
    let postgres = Postgres::new(&bench.place.url, "okr").unwrap();
    let mut member = Member::join(&bench.target, [0]).await;
    for count in [0, 1, 60, 600] {
        let subjects = (0..count).map(|nth| at(&format!("kr-{nth}"), 1, 0, 0.1));
        member.take_all(subjects).await;
        let client = postgres.connections.get().await.unwrap();
        let prepare = format!(
            "ANALYZE okr_state; ANALYZE okr_events; SET plan_cache_mode = force_generic_plan;
             PREPARE move (uuid[], uuid[], timestamptz[]) AS {MOVE}"
        );
        client.batch_execute(&prepare).await.unwrap();
        let rows = client.query("EXPLAIN EXECUTE move ('{}', '{}', '{}')", &[]).await.unwrap();
        let plan = rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>().join("\n");
        let lookups = ["Index Cond: (subject_uid = ANY ($1))", "Index Cond: (event_id = ANY (ARRAY[($2)["];
        let [states, events] =
            lookups.map(|lookup| plan.find(lookup).unwrap_or_else(|| panic!("{count}\n{plan}")));
        assert!(states < events, "{count}\n{plan}");
        client.batch_execute("DEALLOCATE move; RESET plan_cache_mode").await.unwrap();
    }
}
