//! The way of spans to their collector: the operator's address, over the one guarded way out.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use boot::trace::{Answer, Collector, Traces, TracesTarget};
use bytes::Bytes;
use egress::{Client, ClientOptions, EgressError, Guard, HeaderName, HeaderValue, Request, Url};

use crate::config::Whole;

/// What the role records and where it goes; none if nobody wants traces. An address that cannot be posted to, or a
/// header whose secret is missing, stops the start.
pub fn traces(whole: &Whole, role: &str) -> Result<Option<Traces>> {
    let config = &whole.shared.traces;
    let env = |name: &str| std::env::var(name).ok();
    let Some(target) = config.target(&env).map_err(|error| anyhow!("{}: {error}", whole.origin))? else {
        return Ok(None);
    };
    let options =
        ClientOptions { timeout: config.timeout.0, guard: Guard::Operator, ..ClientOptions::default() };
    let client = Client::new(options).context("`traces.endpoint` cannot be posted to")?;
    let TracesTarget { url, headers } = target;
    let mut all =
        vec![(HeaderName::from_static("content-type"), HeaderValue::from_static("application/x-protobuf"))];
    for (name, secret) in headers {
        let place = format!("the header {name:?} of `traces.headers` or OTEL_EXPORTER_OTLP_HEADERS");
        let header: HeaderName = name.parse().with_context(|| format!("{place} has no name of a header"))?;
        let mut value: HeaderValue =
            secret.expose().parse().with_context(|| format!("{place} has a value that fits no header"))?;
        value.set_sensitive(true);
        all.push((header, value));
    }
    Ok(Some(Traces {
        collector: Arc::new(Otlp { client, url, headers: all }),
        resource: boot::trace::resource(role, &uuid::Uuid::now_v7().to_string(), &env),
        sample_ratio: config.sample_ratio,
        queue_max: config.queue_max,
    }))
}

/// A collector that speaks OTLP over HTTP.
struct Otlp {
    client: Client,
    url: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[async_trait]
impl Collector for Otlp {
    async fn post(&self, body: Bytes) -> Result<Answer, String> {
        let request = Request { url: &self.url, headers: self.headers.clone(), body };
        let head =
            self.client.post_for_head(request).await.map_err(|error: EgressError| error.to_string())?;
        let retry_after =
            head.headers.get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer { status: head.status, retry_after, body: head.body.unwrap_or_default() })
    }
}
