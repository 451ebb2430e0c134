//! Produces to Kafka what was committed, in order per key.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::{OutRecord, Producer};
use futures::future::join_all;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::observe;
use crate::progress::{Outgoing, Progress};

/// How long one relay has the service to itself without asking again.
const LEASE: Duration = Duration::from_secs(60);
/// How long after it has asked it begins to send: the rest of the lease is for sends to end.
const BEGIN: Duration = Duration::from_secs(20);
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
        let until = Instant::now() + BEGIN;
        let moved = match progress.outgoing(service, &owner, LEASE, TAKE).await {
            Ok(waiting) => pass_on(service, progress.as_ref(), outlet.as_ref(), (waiting, until)).await,
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

/// Sends what waits, key by key; answers whether any got there. A record is begun only when all earlier ones of its key
/// are acknowledged, and nothing is begun after `until`. Two relays at a time repeat records; since each goes through
/// the keys in order, whoever drops repeats still sees them in order.
pub async fn pass_on<P: Progress + ?Sized>(
    service: &'static str,
    progress: &P,
    outlet: &dyn Outlet,
    (waiting, until): (Vec<Outgoing>, Instant),
) -> bool {
    let sends = queues(waiting).into_iter().map(async |queue| {
        let mut sent = Vec::with_capacity(queue.len());
        for Outgoing { id, record } in queue {
            if Instant::now() >= until {
                break;
            }
            if let Err(error) = outlet.send(record).await {
                observe::not_relayed(service, &error);
                break;
            }
            sent.push(id);
        }
        sent
    });
    let sent: Vec<i64> = join_all(sends).await.into_iter().flatten().collect();
    observe::relayed(service, sent.len());
    // What is sent and not marked is sent again.
    !sent.is_empty() && progress.sent(service, &sent).await.is_ok()
}

/// The records of each topic and key, in order; those without a key share their partition's place.
pub fn queues(waiting: Vec<Outgoing>) -> Vec<Vec<Outgoing>> {
    let (mut places, mut queues) = (HashMap::new(), Vec::<Vec<Outgoing>>::new());
    for outgoing in waiting {
        let OutRecord { topic, partition, key, .. } = &outgoing.record;
        let place = *places.entry((topic.clone(), *partition, key.clone())).or_insert(queues.len());
        match queues.get_mut(place) {
            Some(queue) => queue.push(outgoing),
            None => queues.push(vec![outgoing]),
        }
    }
    queues
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
    fn each_key_has_a_queue_and_records_without_one_share_theirs() {
        let keys = [Some("a"), Some("b"), Some("a"), None, None];
        let waiting = (1..).zip(keys).map(|(id, key)| outgoing(id, key)).collect();
        let ids = |queue: &Vec<Outgoing>| queue.iter().map(|outgoing| outgoing.id).collect::<Vec<_>>();
        assert_eq!(queues(waiting).iter().map(ids).collect::<Vec<_>>(), [vec![1, 3], vec![2], vec![4, 5]]);
    }
}
