//! Slack's incoming webhooks, as far as a sender can see them.

use std::{ops::Deref, time::Duration};

use anyhow::Result;

use crate::{FakeHttp, Seen, until};

/// A fake Slack: each channel is a path. All that `FakeHttp` does, it does.
#[derive(Debug)]
pub struct FakeSlack(FakeHttp);

impl FakeSlack {
    pub fn start() -> Result<Self> {
        Ok(Self(FakeHttp::start()?))
    }

    /// The path of a channel's webhook, for `always` and `next`.
    pub fn path(channel: &str) -> String {
        format!("/services/T000/B000/{channel}")
    }

    /// The webhook URL of a channel.
    pub fn hook(&self, channel: &str) -> String {
        self.url(&Self::path(channel))
    }

    /// The texts that this channel accepted, in order: all text of a message, blocks included, joined by blanks.
    pub fn texts(&self, channel: &str) -> Vec<String> {
        self.seen_at(&Self::path(channel)).iter().filter(|seen| seen.accepted()).map(text).collect()
    }

    /// Waits until the channel accepted at least so many messages, and returns their texts.
    pub async fn wait_for_texts(&self, channel: &str, count: usize, limit: Duration) -> Result<Vec<String>> {
        let what = format!("{count} messages in {channel}");
        let look = async || Some(self.texts(channel)).filter(|texts| texts.len() >= count);
        until(&what, limit, look)
            .await
            .map_err(|error| error.context(format!("it got {:?}", self.texts(channel))))
    }
}

impl Deref for FakeSlack {
    type Target = FakeHttp;

    fn deref(&self) -> &FakeHttp {
        &self.0
    }
}

fn text(seen: &Seen) -> String {
    let mut texts = Vec::new();
    gather(&seen.json(), &mut texts);
    texts.join(" ")
}

/// Every string under a key `text`, in the order of the document.
fn gather(value: &serde_json::Value, texts: &mut Vec<String>) {
    match value {
        serde_json::Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "text" => texts.push(text.into()),
                    _ => gather(field, texts),
                }
            }
        }
        _ => {}
    }
}
