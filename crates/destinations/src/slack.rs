//! Kind `slack`: an incoming webhook of Slack. Slack has accepted a message when it answers 200 with the body `ok`.

mod blocks;

use std::sync::Arc;

use async_trait::async_trait;
use boot::Rate;
use bytes::Bytes;
use egress::{HeaderName, HeaderValue};
use outbox::{Destination, Form, Refusal, Shipment};

use crate::hook::{self, Answer, Hook};
use crate::{DestinationError, catalog::Plan};

/// What it reads besides `kind`.
pub(crate) const KEYS: &[&str] = &["url", "rate", "timeout", "concurrency"];

/// The longest of Slack's error words is half of this.
const WORD_BYTES_MAX: usize = 64;

#[derive(Debug)]
struct Slack {
    name: String,
    hook: Hook,
    rate: Rate,
    concurrency: usize,
}

pub(crate) fn build(plan: Plan<'_>) -> Result<Arc<dyn Destination>, DestinationError> {
    let hook = Hook::build(&plan)?;
    let Plan { name, rate, concurrency, .. } = plan;
    Ok(Arc::new(Slack { name: name.to_owned(), hook, rate, concurrency }))
}

#[async_trait]
impl Destination for Slack {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        Form::Text
    }

    fn escape(&self) -> fn(&str) -> String {
        blocks::escape
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
        let text = shipment.text.as_deref().or(shipment.title.as_deref()).unwrap_or_default();
        let Some(message) = blocks::message(text) else {
            return Err(Refusal::Permanent {
                reason: "empty_message",
                error: "the message has no text".into(),
            });
        };
        let json = (HeaderName::from_static("content-type"), HeaderValue::from_static("application/json"));
        let trace = hook::header("traceparent", shipment.traceparent.as_deref());
        let headers = [json].into_iter().chain(trace).collect();
        let answer = self.hook.post(headers, Bytes::from(message.to_string())).await?;
        if answer.status == 200 && answer.body.as_deref().map(<[u8]>::trim_ascii) == Some(b"ok".as_slice()) {
            return Ok(());
        }
        let word = word(&answer).and_then(|word| self.hook.scrubbed(word));
        Err(self.hook.refusal(&answer, word.as_deref()))
    }
}

/// Slack's word for what is wrong, such as `channel_is_archived`. Anything else may quote what must stay hidden.
fn word(answer: &Answer) -> Option<&str> {
    let text = std::str::from_utf8(answer.body.as_deref()?).ok()?.trim();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    ((1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests;
