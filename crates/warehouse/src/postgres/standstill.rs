//! Members that have stopped in the middle of a statement.
//!
//! The server ends a transaction that waits too long for its client's next statement, and a statement that takes too
//! long; but neither while a `COPY` waits for rows of its client, or an answer for its client to take it. A process that
//! stands still just there would keep its slots and its rows from all others for as long as it does.
//!
//! Whoever looks runs, so what its own process has in hand does not stand still: it waits for a processor, or its
//! connection is dead, which that process finds out by itself, as no answer comes in time.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use store::ground::{Connections, Failure};

use crate::observe;

/// A client that is well sends, and takes, many times a second.
const STANDSTILL: Duration = Duration::from_secs(10);
/// How long after the first look it is looked once more: one that is slow was perhaps waited for at just that moment.
const APART: Duration = Duration::from_secs(3);

/// The sessions that this process has a commit on. As soon as nobody waits for the answer any more, it is not at work.
#[derive(Debug, Default)]
pub(super) struct AtWork(Mutex<BTreeSet<i32>>);

impl AtWork {
    /// Until what is answered is dropped.
    pub(super) fn begin(&self, session: i32) -> Working<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
        Working { all: self, session }
    }

    fn has(&self, session: i32) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&session)
    }
}

/// See [`AtWork::begin`].
#[derive(Debug)]
pub(super) struct Working<'a> {
    all: &'a AtWork,
    session: i32,
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.session);
    }
}

/// Sessions of our own kind alone, which the same role may end, and of these who has slots of these tables in its hands:
/// whoever only reads or copies for long takes nothing from others. Beside each, how far it is: another statement, or
/// more of a `COPY`, is another text.
const STANDING: &str =
    "SELECT a.pid, concat_ws(' ', a.backend_start, a.query_start, a.state_change, a.wait_event,
        (SELECT c.bytes_processed FROM pg_stat_progress_copy c WHERE c.pid = a.pid)) AS place
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.usename = current_user
        AND a.application_name = current_setting('application_name') AND a.pid <> pg_backend_pid()
        AND a.state = 'active' AND a.wait_event_type = 'Client'
        AND a.query_start < now() - make_interval(secs => $1)
        AND EXISTS (SELECT FROM pg_locks l
            WHERE l.pid = a.pid AND l.granted AND l.relation = to_regclass('okr_sink_offsets'))";

/// Ends their sessions; their transactions are taken back, so that others can go on. Should it fail, whatever is asked
/// next says why.
pub(super) async fn end(connections: &Connections, at_work: &AtWork) {
    match end_those(connections, at_work, (STANDSTILL, APART)).await {
        Ok(0) => {}
        Ok(sessions) => observe::ended(sessions),
        Err(Failure::Again(error) | Failure::Unavailable(error)) => {
            tracing::debug!(error, "sessions that stand still were not looked for: {error}");
        }
        Err(Failure::Broken(error)) | Err(Failure::Refused { words: error, .. }) => {
            tracing::warn!(error, "sessions that stand still were not looked for: {error}");
        }
    }
}

/// Those of other processes that have waited for their clients for so long, and are in the same place at a second look.
async fn end_those(
    connections: &Connections,
    at_work: &AtWork,
    (standstill, apart): (Duration, Duration),
) -> Result<usize, Failure> {
    let ended = connections.ask(async |client| {
        let look = client.prepare_cached(STANDING).await?;
        let found = client.query(&look, &[&standstill.as_secs_f64()]).await?;
        let (mut pids, mut places): (Vec<i32>, Vec<String>) = Default::default();
        for row in &found {
            let pid = row.try_get(0)?;
            if !at_work.has(pid) {
                pids.push(pid);
                places.push(row.try_get(1)?);
            }
        }
        if pids.is_empty() {
            return Ok(0);
        }
        tokio::time::sleep(apart).await;
        let end = format!(
            "SELECT pg_terminate_backend(s.pid) FROM ({STANDING}) s
             JOIN unnest($2::integer[], $3::text[]) AS seen(pid, place) ON seen.pid = s.pid AND seen.place = s.place"
        );
        let end = client.prepare_cached(&end).await?;
        Ok(client.query(&end, &[&standstill.as_secs_f64(), &pids, &places]).await?.len())
    });
    ended.await
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use bytes::Bytes;
    use futures::SinkExt;
    use store::ground::Terms;
    use store::testing::connect;

    use super::super::{Postgres, commit};
    use super::*;
    use crate::Target;
    use crate::tests::bench::{Bench, Member};
    use crate::tests::ends;
    use crate::tests::history::at;
    use crate::tests::postgres::database;

    /// A connection that is copying, with a slot in its hands.
    async fn copying(bench: &Bench, partition: i32) -> tokio_postgres::Client {
        let client = connect(&bench.place.url).await.unwrap();
        let begin = format!(
            "SET search_path = okr; SET application_name = 'okr-router'; CREATE TEMPORARY TABLE lines (line text);
             BEGIN; SELECT 1 FROM okr_sink_offsets WHERE partition = {partition} FOR UPDATE"
        );
        client.batch_execute(&begin).await.unwrap();
        client
    }

    fn connections(bench: &Bench) -> Connections {
        let terms = Terms {
            connections_max: 1,
            statement_max: Duration::from_secs(60),
            settings: "SET search_path = okr;".to_owned(),
        };
        Connections::on(&bench.place.url, terms).unwrap()
    }

    /// Looks until somebody is ended, and says how many.
    async fn looks(connections: &Connections, at_work: &AtWork) -> usize {
        let since = tokio::time::Instant::now();
        loop {
            let times = (Duration::from_secs(1), Duration::from_millis(500));
            match end_those(connections, at_work, times).await.unwrap() {
                0 => assert!(since.elapsed() < Duration::from_secs(30), "nobody was ended"),
                ended => break ended,
            }
        }
    }

    /// Both are found in the middle of a statement that has gone on for long; one of them gets on.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_member_that_is_slow_is_left_alone_and_one_that_stands_still_is_not() {
        let check = async {
            let bench = Bench::postgres(database().await).await;
            Member::join(&bench.target, [0, 1]).await;
            let (slow, stopped) = (copying(&bench, 0).await, copying(&bench, 1).await);
            let copy = "COPY lines FROM STDIN";
            let mut drip = pin!(slow.copy_in::<_, Bytes>(copy).await.unwrap());
            let mut dry = pin!(stopped.copy_in::<_, Bytes>(copy).await.unwrap());
            dry.send(Bytes::from_static(b"a\n")).await.unwrap();
            let (connections, at_work) = (connections(&bench), AtWork::default());
            let mut looks = pin!(looks(&connections, &at_work));
            let ended = loop {
                tokio::select! {
                    ended = &mut looks => break ended,
                    () = tokio::time::sleep(Duration::from_millis(50)) => {
                        drip.send(Bytes::from_static(b"b\n")).await.unwrap();
                    }
                }
            };
            assert_eq!(ended, 1);
            assert!(drip.finish().await.unwrap() > 0);
            assert!(dry.finish().await.is_err());
        };
        ends(check).await;
    }

    /// Neither gets on; one of them is of the process that looks.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_the_own_process_has_in_hand_is_not_ended_by_it() {
        let check = async {
            let bench = Bench::postgres(database().await).await;
            Member::join(&bench.target, [0, 1]).await;
            let (own, other) = (copying(&bench, 0).await, copying(&bench, 1).await);
            let session = own.query_one(commit::SESSION, &[]).await.unwrap().get(0);
            let copy = "COPY lines FROM STDIN";
            let mut waits = pin!(own.copy_in::<_, Bytes>(copy).await.unwrap());
            let dry = pin!(other.copy_in::<_, Bytes>(copy).await.unwrap());
            let (connections, at_work) = (connections(&bench), AtWork::default());
            let working = at_work.begin(session);
            assert_eq!(looks(&connections, &at_work).await, 1);
            assert!(dry.finish().await.is_err());
            waits.send(Bytes::from_static(b"a\n")).await.unwrap();
            assert_eq!(waits.finish().await.unwrap(), 1);
            drop(working);
            assert!(!at_work.has(session));
        };
        ends(check).await;
    }

    /// For as long as somebody waits for the answer.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_commit_is_at_work_from_its_beginning_to_its_end() {
        let check = async {
            let bench = Bench::postgres(database().await).await;
            let home = Arc::new(Postgres::new(&bench.place.url, &bench.place.schema).unwrap());
            let target: Arc<dyn Target> = Arc::clone(&home) as _;
            let mut member = Member::join(&target, [0]).await;
            let at_work = || home.shared.at_work.0.lock().unwrap().iter().copied().collect::<Vec<_>>();
            let other = copying(&bench, 0).await;
            let batch = member.batch(&[(0, at("kr", 1, 0, 0.1))]);
            let waits = "SELECT pid FROM pg_stat_activity WHERE application_name = 'okr-router' AND wait_event_type = 'Lock'
                AND datname = current_database()";
            let looks = async {
                let found = loop {
                    if let Some(row) = bench.rows(waits).await.first() {
                        break row["pid"].as_i64().unwrap();
                    }
                };
                assert_eq!(at_work(), [i32::try_from(found).unwrap()]);
                other.batch_execute("ROLLBACK").await.unwrap();
            };
            let (committed, ()) = tokio::join!(member.try_commit(&batch), looks);
            committed.unwrap();
            assert!(at_work().is_empty());
        };
        ends(check).await;
    }
}
