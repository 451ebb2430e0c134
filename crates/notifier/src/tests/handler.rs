//! From a record to an effect: once, however often the record comes.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boot::{House, system_clock};
use bus::OutRecord;
use outbox::{Destination, Engine, EngineOptions, Form, OutboxConfig, QueueError};
use store::Store;
use uuid::Uuid;
use wire::Registry;
use worker::{Failure, Handler};

use super::{Inbox, RECEIVED, at, event, names, record, route};
use crate::Routes;
use crate::handler::{Notifier, undecoded, unplanned};
use crate::planner::{Planner, SERVICE};
use crate::reload::Current;

/// Nothing may die in these tests.
struct NoLetters;

#[async_trait]
impl outbox::DeadLetters for NoLetters {
    fn partitions(&self) -> i32 {
        1
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        Err(format!("unexpected dead letter {letter:?}"))
    }
}

/// A notifier over an embedded store, delivering to one inbox.
struct Setting {
    folder: tempfile::TempDir,
    inbox: Arc<Inbox>,
}

impl Setting {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), inbox: Inbox::new("slack", Form::Text) }
    }

    /// One life of the process: runs `work`, then stops the engine and gives the store back.
    async fn life<F: Future<Output = ()>>(&self, work: impl FnOnce(Arc<Notifier>) -> F) {
        let url = format!("file:{}", self.folder.path().join("state.db").display());
        let store = Store::open(&url, system_clock()).await.expect("a store");
        let house = House::new(system_clock());
        let destinations: Vec<Arc<dyn Destination>> = vec![self.inbox.clone()];
        let engine = Engine::new(EngineOptions {
            service: SERVICE,
            owner: Uuid::now_v7().to_string(),
            queue: store,
            destinations: destinations.clone(),
            dead: Arc::new(NoLetters),
            // Events of the tests are from another day.
            config: OutboxConfig { age_max: boot::Span::seconds(1_000_000_000), ..OutboxConfig::default() },
            house: house.clone(),
        });
        let running = tokio::spawn({
            let engine = engine.clone();
            async move { engine.run().await }
        });
        let routes = [route("low", "event.confidence < 0.3", &["slack"]), route("all", "", &["slack"])];
        let routes = Routes::compile(&routes, &names(&["slack"])).expect("routes");
        let planner = Current::new(Planner::new(routes, &destinations, Duration::from_secs(7 * 86_400)));
        let clock = Arc::new(|| at(RECEIVED));
        work(Arc::new(Notifier { decoder: decoder(), planner, engine, clock })).await;
        house.shutdown.cancel();
        running.await.expect("no panic").expect("a quiet end");
    }
}

fn decoder() -> wire::Decoder {
    egress::install_crypto();
    Registry::new("http://127.0.0.1:9", Duration::ZERO).expect("a URL").decoder()
}

#[tokio::test]
async fn an_event_has_its_effect_once_however_often_and_wherever_its_record_comes() {
    let setting = Setting::new();
    let marker = |number: u128| {
        let mut marker = event();
        marker.event_id = okr::EventId(Uuid::from_u128(number));
        marker.subject.title = Some(format!("marker {number}"));
        marker
    };
    setting
        .life(async |notifier| {
            let repeats = (0..5).map(|offset| {
                let notifier = notifier.clone();
                tokio::spawn(async move { notifier.handle(&event(), &record(offset), 1).await })
            });
            for repeat in repeats.collect::<Vec<_>>() {
                repeat.await.expect("no panic").expect("planned");
            }
            // Of the same subject: when it is there, whatever was planned before it has been delivered.
            notifier.handle(&marker(2), &record(9), 1).await.expect("planned");
            setting.inbox.until(2).await;
        })
        .await;
    setting
        .life(async |notifier| {
            notifier.handle(&event(), &record(0), 1).await.expect("planned");
            notifier.handle(&marker(3), &record(10), 1).await.expect("planned");
            setting.inbox.until(3).await;
        })
        .await;
    let ids: Vec<Uuid> = setting.inbox.got().iter().map(|shipment| shipment.event_id).collect();
    assert_eq!(ids, [1, 2, 3].map(Uuid::from_u128));
    assert_eq!(setting.inbox.got()[0].effect_id, format!("notifier/{}/slack", Uuid::from_u128(1)));
}

#[tokio::test]
async fn a_condition_that_cannot_say_is_counted() {
    let metrics = boot::metrics_handle();
    let setting = Setting::new();
    setting
        .life(async |notifier| {
            notifier.handle(&event(), &record(0), 1).await.expect("planned");
            setting.inbox.until(1).await;
        })
        .await;
    let text = metrics.render();
    assert!(text.contains(r#"okr_condition_unknown_total{route="low"} "#), "{text}");
}

#[tokio::test]
async fn a_record_without_a_value_is_rejected() {
    let setting = Setting::new();
    setting
        .life(async |notifier| {
            let mut null = record(0);
            null.value = None;
            let failure = notifier.decode(&null).await.expect_err("rejected");
            assert!(matches!(failure, Failure::Reject { reason: "null_value", .. }), "{failure:?}");
        })
        .await;
}

#[tokio::test]
async fn bytes_that_are_no_event_are_rejected_and_a_silent_registry_is_waited_for() {
    let bad_magic = decoder().event(b"\x01\0\0\0\x01x").await.expect_err("no frame");
    assert!(matches!(undecoded(&bad_magic), Failure::Reject { .. }), "{bad_magic:?}");
    let down = decoder().event(b"\0\0\0\0\x01x").await.expect_err("nobody listens");
    assert!(matches!(undecoded(&down), Failure::Retry { endless: true, .. }), "{down:?}");
}

#[test]
fn a_store_that_is_away_is_waited_for_and_a_broken_one_halts() {
    let away = unplanned(&QueueError::Unavailable("no answer".into()));
    assert!(matches!(away, Failure::Retry { endless: true, reason: "store_unavailable", .. }), "{away:?}");
    let broken = unplanned(&QueueError::Broken("no such table".into()));
    assert!(matches!(broken, Failure::Halt { reason: "store_broken", .. }), "{broken:?}");
}
