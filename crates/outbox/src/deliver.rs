//! One attempt, and one dead letter: the futures that a target has under way.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::future::FutureExt;
use jiff::Timestamp;
use tokio::time::{sleep, timeout};

use crate::holder::until;
use crate::{Destination, EngineOptions, Refusal, Row, Shipment, traces};

/// How long a dead letter that was not acknowledged waits before it is sent again.
const PAUSE: Duration = Duration::from_millis(500);

/// How something that was under way ended.
#[derive(Debug)]
pub enum Landing {
    Delivered(Row),
    Refused(Row, Refusal),
    /// The dead letter is acknowledged.
    Buried(Row, Verdict),
    /// It was not, for as long as the row was ours.
    Unburied(Row, String),
}

/// Why a delivery is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub reason: &'static str,
    pub error: String,
}

/// Tries once, within the time that the row is surely ours. A panic of the destination is a refusal for good.
pub async fn attempt(destination: Arc<dyn Destination>, row: Row, ours: Duration) -> Landing {
    let mut span = traces::attempt(&row);
    let shipment = Shipment {
        effect_id: row.parcel.effect.id(),
        event_id: row.parcel.effect.event_id,
        subject_key: row.parcel.subject_key.clone(),
        text: row.parcel.content.text.clone(),
        title: row.parcel.content.title.clone(),
        event: row.parcel.content.event.clone(),
        attempt: row.attempt,
        traceparent: traces::traceparent(&row.parcel, &span),
        tracestate: row.parcel.record.header(bus::header::TRACESTATE).map(str::to_owned),
    };
    let delivery = AssertUnwindSafe(destination.deliver(&shipment)).catch_unwind();
    let refusal = match timeout(ours, delivery).await {
        Ok(Ok(Ok(()))) => return Landing::Delivered(row),
        Ok(Ok(Err(refusal))) => refusal,
        Ok(Err(_panic)) => {
            Refusal::Permanent { reason: "panic", error: "the destination's code panicked".to_owned() }
        }
        Err(_elapsed) => Refusal::Passing {
            after: None,
            reason: "lease_over",
            error: "no answer within the row's lease".to_owned(),
            ambiguous: true,
        },
    };
    let (Refusal::Passing { error, .. } | Refusal::Permanent { error, .. }) = &refusal;
    span.fail(refusal.reason(), error);
    Landing::Refused(row, refusal)
}

/// Sends the row's dead letter until Kafka has acknowledged it, as long as the row is ours. The row may be marked
/// only after that.
pub async fn bury(options: Arc<EngineOptions>, row: Row, verdict: Verdict, ours_until: Timestamp) -> Landing {
    loop {
        let now = (options.house.clock)();
        let sent = timeout(until(ours_until, now), send(&options, &row, &verdict, now)).await;
        match sent {
            Ok(Ok(())) => return Landing::Buried(row, verdict),
            Ok(Err(error)) if until(ours_until, now) <= PAUSE => return Landing::Unburied(row, error),
            Ok(Err(_)) => sleep(PAUSE).await,
            Err(_elapsed) => {
                return Landing::Unburied(row, "no acknowledgement within the row's lease".to_owned());
            }
        }
    }
}

async fn send(options: &EngineOptions, row: &Row, verdict: &Verdict, now: Timestamp) -> Result<(), String> {
    let at = now.to_string();
    let origin = bus::dead::Origin {
        service: options.service,
        target: Some(&row.parcel.effect.target),
        reason: verdict.reason,
        error: &verdict.error,
        attempts: row.attempt,
        at: &at,
    };
    let letter = bus::dead::letter(&row.parcel.record.to_record(), &origin, options.dead.partitions());
    let mut span = traces::letter(&row.parcel, &letter, verdict.reason);
    let buried = options.dead.bury(letter).await;
    if let Err(error) = &buried {
        span.fail("unacknowledged", error);
    }
    buried
}
