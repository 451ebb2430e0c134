//! The bare loop: it posts the same bodies to the same destinations, with the same concurrency, and does nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Result, ensure};
use jiff::Timestamp;
use outbox::{Parcel, Shipment};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    super::{meter::processor_time, peak::Peak},
    load::Load,
    receiver::Receiver,
    report::Figures,
};

/// Posts the whole load.
pub async fn post(load: &Load, receiver: &mut Receiver) -> Result<Figures> {
    let (used, peak, since) = (processor_time(std::process::id()), Peak::watch(), Instant::now());
    let round = Uuid::now_v7();
    let mut posters = JoinSet::new();
    for (place, destination) in load.destinations.iter().enumerate() {
        let next = Arc::new(AtomicU64::new(0));
        for _ in 0..destination.concurrency() {
            let (next, load, destination) = (Arc::clone(&next), load.clone(), Arc::clone(destination));
            posters.spawn(async move {
                // Every event that is for this destination, none twice.
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= load.events {
                        return Ok(());
                    }
                    if load.place(n) != place {
                        continue;
                    }
                    destination.deliver(&shipment(load.parcel(round, n, Timestamp::now()))).await?;
                }
            });
        }
    }
    while let Some(posted) = posters.join_next().await {
        posted.map_err(anyhow::Error::from)?.map_err(|refusal: outbox::Refusal| anyhow::anyhow!(refusal))?;
    }
    let figures = Figures {
        events: load.events,
        seconds: since.elapsed().as_secs_f64(),
        processor: super::run::used_since(used),
        memory: peak.so_far(),
        commits: 0,
    };
    let received = receiver.received().await?;
    ensure!(received == load.events, "{received} of {} posts came", load.events);
    Ok(figures)
}

fn shipment(parcel: Parcel) -> Shipment {
    Shipment {
        effect_id: parcel.effect.id(),
        event_id: parcel.effect.event_id,
        subject_key: parcel.subject_key,
        text: None,
        title: None,
        event: parcel.content.event,
        attempt: 1,
        traceparent: None,
        tracestate: None,
    }
}
