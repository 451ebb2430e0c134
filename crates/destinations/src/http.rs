//! Kind `http`: the event as JSON, posted to a URL of the operator. Any 2xx is an acceptance.
//!
//! `okr-effect-id` stays the same over all attempts, so that a receiver can recognise a repeat.

use std::sync::Arc;

use async_trait::async_trait;
use boot::Rate;
use bytes::Bytes;
use egress::{HeaderName, HeaderValue};
use outbox::{Destination, Form, Refusal, Shipment};

use crate::hook::{self, Hook};
use crate::{DestinationError, catalog::Plan};

/// What it reads besides `kind`.
pub(crate) const KEYS: &[&str] = &["url", "rate", "timeout", "concurrency"];

#[derive(Debug)]
struct Http {
    name: String,
    hook: Hook,
    rate: Rate,
    concurrency: usize,
}

pub(crate) fn build(plan: Plan<'_>) -> Result<Arc<dyn Destination>, DestinationError> {
    let hook = Hook::build(&plan)?;
    let Plan { name, rate, concurrency, .. } = plan;
    Ok(Arc::new(Http { name: name.to_owned(), hook, rate, concurrency }))
}

#[async_trait]
impl Destination for Http {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        Form::Event
    }

    /// JSON is escaped where it is written.
    fn escape(&self) -> fn(&str) -> String {
        str::to_owned
    }

    fn rate(&self) -> Rate {
        self.rate
    }

    fn rate_key(&self) -> String {
        self.hook.rate_key()
    }

    fn concurrency(&self) -> usize {
        self.concurrency
    }

    async fn deliver(&self, shipment: &Shipment) -> Result<(), Refusal> {
        let Some(event) = &shipment.event else {
            return Err(Refusal::Permanent { reason: "empty_message", error: "the row has no event".into() });
        };
        let answer = self.hook.post(headers(shipment)?, Bytes::copy_from_slice(event.as_bytes())).await?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        Err(self.hook.refusal(&answer, None))
    }
}

fn headers(shipment: &Shipment) -> Result<Vec<(HeaderName, HeaderValue)>, Refusal> {
    // Names of destinations and ids of replays are plain; a row of somebody else's making might not be.
    let effect_id = HeaderValue::from_str(&shipment.effect_id).map_err(|_| Refusal::Permanent {
        reason: "effect_id",
        error: "effect id does not fit a header".into(),
    })?;
    let mut headers = vec![
        (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json")),
        (HeaderName::from_static("okr-effect-id"), effect_id),
    ];
    headers.extend(hook::header("traceparent", shipment.traceparent.as_deref()));
    // It means nothing without the other.
    let state = shipment.traceparent.as_ref().and(shipment.tracestate.as_deref());
    headers.extend(hook::header("tracestate", state));
    Ok(headers)
}

#[cfg(test)]
mod tests;
