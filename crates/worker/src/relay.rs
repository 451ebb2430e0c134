//! Produces to Kafka what was committed, in order per key.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bus::{OutRecord, Producer};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::observe;
use crate::progress::{Outgoing, Progress};

/// How long one relay has the service to itself without asking again. Longer than a send can take.
const LEASE: Duration = Duration::from_secs(60);
/// How often it looks when there was nothing.
const LOOK: Duration = Duration::from_millis(200);
/// How many records it takes at a time.
const TAKE: usize = 500;

/// Where a relay sends: a producer, or a fake.
#[async_trait::async_trait]
pub trait Outlet: Send + Sync + 'static {
    /// Returns only once Kafka has acknowledged the record; an error says that it may not be there.
    async fn send(&self, record: OutRecord) -> Result<(), String>;
}

#[async_trait::async_trait]
impl Outlet for Producer {
    async fn send(&self, record: OutRecord) -> Result<(), String> {
        Producer::send(self, record).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Relays for `service` until `shutdown`. A record is sent at least once, and never before an earlier one of its topic
/// and key is acknowledged: who reads them drops repeats by their ids.
pub async fn relay<P: Progress + ?Sized>(
    service: &'static str,
    progress: Arc<P>,
    outlet: Arc<dyn Outlet>,
    shutdown: CancellationToken,
) {
    let owner = format!("{service}-{}", uuid::Uuid::from_u128(fastrand::u128(..)));
    while !shutdown.is_cancelled() {
        let moved = match progress.outgoing(service, &owner, LEASE, TAKE).await {
            Ok(waiting) => pass_on(service, progress.as_ref(), outlet.as_ref(), waiting).await,
            Err(_) => false, // The store's own health says so.
        };
        if !moved {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// Sends the first record of each key; answers whether any got there.
pub async fn pass_on<P: Progress + ?Sized>(
    service: &'static str,
    progress: &P,
    outlet: &dyn Outlet,
    waiting: Vec<Outgoing>,
) -> bool {
    let sends = firsts(waiting).into_iter().map(async |Outgoing { id, record }| {
        let sent = outlet.send(record).await;
        if let Err(error) = &sent {
            observe::not_relayed(service, error);
        }
        sent.is_ok().then_some(id)
    });
    let sent: Vec<i64> = join_all(sends).await.into_iter().flatten().collect();
    // What is sent and not marked is sent again.
    !sent.is_empty() && progress.sent(service, &sent).await.is_ok()
}

/// The oldest record of each topic and key; those without a key share their partition's place.
pub fn firsts(waiting: Vec<Outgoing>) -> Vec<Outgoing> {
    let mut begun = HashSet::new();
    let is_first = |outgoing: &Outgoing| {
        let OutRecord { topic, partition, key, .. } = &outgoing.record;
        begun.insert((topic.clone(), *partition, key.clone()))
    };
    let mut waiting = waiting;
    waiting.retain(is_first);
    waiting
}

#[cfg(test)]
mod tests {
    use bus::Headers;
    use bytes::Bytes;

    use super::*;

    fn outgoing(id: i64, key: Option<&'static str>) -> Outgoing {
        let key = key.map(|key| Bytes::from_static(key.as_bytes()));
        let record = OutRecord {
            topic: "okr.alerts".into(),
            partition: 0,
            key,
            value: None,
            headers: Headers::default(),
        };
        Outgoing { id, record }
    }

    #[test]
    fn of_each_key_only_the_oldest_is_on_its_way() {
        let waiting = vec![
            outgoing(1, Some("a")),
            outgoing(2, Some("b")),
            outgoing(3, Some("a")),
            outgoing(4, None),
            outgoing(5, None),
        ];
        let ids: Vec<i64> = firsts(waiting).iter().map(|outgoing| outgoing.id).collect();
        assert_eq!(ids, [1, 2, 4]);
    }
}
