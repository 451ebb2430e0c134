//! Members that have stopped in the middle of a statement.
//!
//! The server ends a transaction that waits too long for its client's next statement, and a statement that takes too
//! long; but neither while a `COPY` waits for rows of its client, or an answer for its client to take it. A process that
//! stands still just there would keep its slots and its rows from all others for as long as it does.

use std::time::Duration;

use store::ground::{Connections, Failure};

/// A client that is well sends, and takes, many times a second.
const STANDSTILL: Duration = Duration::from_secs(10);

/// Sessions of our own kind alone, which the same role may end, and of these who has slots of these tables in its hands:
/// whoever only reads or copies for long takes nothing from others.
const END: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity a
    WHERE datname = current_database() AND usename = current_user
        AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()
        AND state = 'active' AND wait_event_type = 'Client' AND query_start < now() - make_interval(secs => $1)
        AND EXISTS (SELECT FROM pg_locks l
            WHERE l.pid = a.pid AND l.granted AND l.relation = to_regclass('okr_sink_offsets'))";

/// Ends their sessions; their transactions are taken back, so that others can go on. Should it fail, whatever is asked
/// next says why.
pub(super) async fn end(connections: &Connections) {
    let ended = connections.ask(async |client| {
        let end = client.prepare_cached(END).await?;
        Ok(client.query(&end, &[&STANDSTILL.as_secs_f64()]).await?.len())
    });
    match ended.await {
        Ok(0) => {}
        Ok(sessions) => tracing::warn!(
            sessions,
            "{sessions} sessions of the warehouse stood still in the middle of a statement and were ended: a member \
             stands still, or its network does",
        ),
        Err(Failure::Again(error) | Failure::Unavailable(error) | Failure::Broken(error)) => {
            tracing::debug!(error, "sessions that stand still were not looked for: {error}");
        }
        Err(Failure::Refused { words, .. }) => {
            tracing::debug!(error = words, "sessions that stand still were not looked for: {words}");
        }
    }
}
