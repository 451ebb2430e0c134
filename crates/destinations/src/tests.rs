//! What all channels are tested with, and the tests of the catalog.

mod catalog;
mod conformance;
mod fake;

use std::sync::Arc;

use boot::{SecretRef, system_clock};
use outbox::{Destination, Shipment};
use uuid::Uuid;

pub(crate) use conformance::{Success, conform};
pub(crate) use fake::{Fake, Reply, Seen};

use crate::{DestinationConfig, build};

/// The part of a URL that nobody may ever see.
pub(crate) const TOKEN: &str = "XsecretXtokenXofXtheXhookX";

/// The first attempt at one message, as text and as event.
pub(crate) fn shipment(text: &str) -> Shipment {
    let event_id = Uuid::from_u128(7);
    Shipment {
        effect_id: format!("notifier/{event_id}/sales"),
        event_id,
        subject_key: "acme/key_result/1".into(),
        text: Some(text.into()),
        title: Some("Win 10 customers".into()),
        event: Some(r#"{"subject":{"title":"Win 10 customers"}}"#.into()),
        attempt: 1,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        tracestate: Some("tool=1".into()),
    }
}

/// `[destinations.sales]` of that kind with that URL and nothing else said.
pub(crate) fn config(kind: &str, url: &str) -> DestinationConfig {
    DestinationConfig {
        kind: kind.into(),
        url: Some(SecretRef::Literal(url.into())),
        rate: None,
        timeout: None,
        concurrency: None,
    }
}

pub(crate) fn built(config: &DestinationConfig) -> Arc<dyn Destination> {
    build("sales", config, system_clock()).expect("a destination")
}
