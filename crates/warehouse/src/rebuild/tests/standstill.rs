//! Who waits for whom on a shared database: readers that come in a circle, an autovacuum, and a rebuild that stands still.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bus::{BusError, InRecord};
use store::testing::{Cluster, connect};

use super::super::fill::Records;
use super::super::run::{make, renew};
use super::super::{Notice, RebuildError};
use super::log::Log;
use super::server::{filled, one, soon};
use super::{history, rebuild};
use crate::Place;
use crate::tests::bench::Bench;
use crate::tests::history::at;
use crate::tests::reference;

/// The exchange is not put off.
pub fn at_once(notice: Notice) {
    if let Notice::Waiting(why) = notice {
        panic!("the exchange waits: {why}");
    }
}

/// Whoever has one of the tables and comes for a view, while the rebuild has the view and comes for the table, goes on.
/// The rebuild would not look for a circle itself in time; the reader does, and would be the one that ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_with_several_queries_in_one_transaction_is_given_way() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let slow = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = 20000', current_database()); END $$";
    client.batch_execute(slow).await.unwrap();
    let watcher = connect(&bench.place.url).await.unwrap();
    let waits = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    client.batch_execute("SET deadlock_timeout = '1s'; BEGIN; SELECT count(*) FROM okr_state").await.unwrap();
    let waited = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&waited);
    let tell = move |notice| heard.store(matches!(notice, Notice::Waiting(_)), Ordering::SeqCst);
    let (rebuilt, ()) = tokio::join!(rebuild(&bench, &log, false, &tell), async {
        soon(async || one(&watcher, waits).await > 0).await;
        for view in ["okr_key_results", "okr_rollup", "okr_progress_weekly"] {
            one(&client, &format!("SELECT count(*) FROM {view}")).await;
        }
        soon(async || waited.load(Ordering::SeqCst)).await;
        client.batch_execute("COMMIT").await.unwrap();
    });
    rebuilt.unwrap();
}

/// A chart that is drawn over and over: whoever locks its view, and then thinks about its tables, meets it there again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_never_rests_is_soon_got_past() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let (done, waits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (end, count) = (Arc::clone(&done), Arc::clone(&waits));
    let reader = tokio::spawn(async move {
        while !end.load(Ordering::SeqCst) {
            let chart = "SELECT count(*) FROM okr_state; SELECT (SELECT count(*) FROM okr_state),
                (SELECT count(*) FROM okr_key_results), (SELECT count(*) FROM okr_events), pg_sleep(0.03)";
            client.batch_execute(chart).await.unwrap();
        }
    });
    let tell = move |notice| {
        count.fetch_add(usize::from(matches!(notice, Notice::Waiting(_))), Ordering::SeqCst);
    };
    rebuild(&bench, &log, false, &tell).await.unwrap();
    done.store(true, Ordering::SeqCst);
    reader.await.unwrap();
    assert!(waits.load(Ordering::SeqCst) <= 2, "{waits:?}");
}

/// It holds the table for as long as it takes, and goes only for somebody who waits for longer than readers can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_autovacuum_of_a_large_table_is_not_waited_for() {
    let cluster = Cluster::own().await.unwrap();
    let event = |n: u32| at(&format!("kr-{}", n % 600), n, n.into(), 0.5);
    let log = Log::of(&(0..3_000).map(|n| ((n % 3) as i32, event(n))).collect::<Vec<_>>());
    let bench = Bench::postgres(cluster.database().await.unwrap()).await;
    drop(log.member(&bench.target).await);
    let client = connect(&bench.place.url).await.unwrap();
    client.batch_execute("ALTER SYSTEM SET autovacuum_naptime = 1").await.unwrap();
    // Minutes, for this table.
    let slow = "SELECT pg_reload_conf(); ALTER TABLE okr.okr_events SET (autovacuum_vacuum_threshold = 0,
        autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);
        UPDATE okr.okr_events SET team = 'old'; SELECT pg_stat_force_next_flush()";
    client.batch_execute(slow).await.unwrap();
    let under_way = "SELECT count(*) FROM pg_stat_activity
        WHERE backend_type = 'autovacuum worker' AND query LIKE 'autovacuum: VACUUM %okr.okr_events%'";
    soon(async || one(&client, under_way).await > 0).await;
    rebuild(&bench, &log, false, &at_once).await.unwrap();
    reference::check(&bench, &log.all()).await.unwrap();
}

/// Reads on, unless it is told to stand still: then nothing of its thread moves, as in a process that was stopped.
struct Still {
    records: Box<dyn Records>,
    is_stopped: Arc<AtomicBool>,
    goes_on: Arc<Mutex<Receiver<()>>>,
}

#[async_trait]
impl Records for Still {
    async fn next(&mut self) -> Result<InRecord, BusError> {
        if self.is_stopped.swap(false, Ordering::SeqCst) {
            self.goes_on.lock().unwrap().recv().unwrap();
        }
        self.records.next().await
    }
}

/// What is said between a rebuild on a thread of its own and whoever looks on.
struct Wires {
    caught_up: Sender<()>,
    goes_on: Arc<Mutex<Receiver<()>>>,
    is_stopped: Arc<AtomicBool>,
}

/// Stands still for the first time when everything is read, and again at the first record after that.
fn rebuild_alone(place: &Place, log: &Log, wires: Wires) -> Result<(), RebuildError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Wires { caught_up, goes_on, is_stopped } = wires;
        let (mut site, fresh) = make(place).await?;
        let (records, meaning) = log.parts();
        let still: Box<dyn Records> =
            Box::new(Still { records, is_stopped: Arc::clone(&is_stopped), goes_on: Arc::clone(&goes_on) });
        let tell = move |notice| {
            if matches!(notice, Notice::CaughtUp { .. }) {
                caught_up.send(()).unwrap();
                goes_on.lock().unwrap().recv().unwrap();
                is_stopped.store(true, Ordering::SeqCst);
            }
        };
        renew(&mut *site, fresh, (still, meaning), (&log.outlook(), false), &tell).await?;
        site.clear().await
    })
}

/// Its process is stopped just then; it goes on later, and finds its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_stops_while_it_holds_members_up_does_so_for_seconds() {
    let log = Log::of(&history());
    let (bench, client) = filled(&log).await;
    let ((caught_up, is_caught_up), (go_on, goes_on)) = (channel(), channel());
    let is_stopped = Arc::<AtomicBool>::default();
    let wires =
        Wires { caught_up, goes_on: Arc::new(Mutex::new(goes_on)), is_stopped: Arc::clone(&is_stopped) };
    let (place, its) = (bench.place.clone(), log.clone());
    let thread = std::thread::spawn(move || rebuild_alone(&place, &its, wires));
    tokio::task::spawn_blocking(move || is_caught_up.recv().unwrap()).await.unwrap();
    // There is one more to be read while members are held up.
    log.add(0, Some(at("kr-0", 800, 8_000, 0.5)));
    drop(log.member(&bench.target).await);
    go_on.send(()).unwrap();
    let held = "SELECT count(*) FROM pg_locks
        WHERE mode = 'ExclusiveLock' AND granted AND relation = 'okr.okr_sink_offsets'::regclass";
    soon(async || one(&client, held).await > 0 && !is_stopped.load(Ordering::SeqCst)).await;
    let since = Instant::now();
    log.add(0, Some(at("kr-0", 801, 8_010, 0.6)));
    drop(log.member(&bench.target).await);
    assert!(since.elapsed() < Duration::from_secs(8), "members were held up for {:?}", since.elapsed());
    go_on.send(()).unwrap();
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap().unwrap();
    reference::check(&bench, &log.all()).await.unwrap();
}
