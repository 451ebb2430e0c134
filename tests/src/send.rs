//! HTTP as a sender of webhooks sees it.

use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::HeaderMap;

/// Longer than any deadline of ours, so that a hang shows as an error of the test and not as one of the client.
const LIMIT: Duration = Duration::from_secs(40);

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A POST over a connection of its own; without a `content-type` among the headers it says JSON.
pub async fn post(url: &str, headers: &[(String, String)], body: impl Into<Bytes>) -> Result<Reply> {
    post_by(&client()?, url, headers, body).await
}

/// As `post`, by a client that keeps its connections.
pub(crate) async fn post_by(
    client: &reqwest::Client,
    url: &str,
    headers: &[(String, String)],
    body: impl Into<Bytes>,
) -> Result<Reply> {
    let mut request = client.post(url).body(body.into());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    reply(request).await
}

/// A GET over a connection of its own.
pub async fn get(url: &str) -> Result<Reply> {
    reply(client()?.get(url)).await
}

/// A PUT of JSON over a connection of its own.
pub async fn put(url: &str, body: serde_json::Value) -> Result<Reply> {
    reply(client()?.put(url).json(&body)).await
}

/// A DELETE over a connection of its own.
pub async fn delete(url: &str) -> Result<Reply> {
    reply(client()?.delete(url)).await
}

async fn reply(request: reqwest::RequestBuilder) -> Result<Reply> {
    let response = request.send().await.context("no answer")?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Reply { status, headers, body: response.bytes().await.context("no whole answer")? })
}

/// One client per call: a pooled connection belongs to the runtime of the test that opened it.
pub(crate) fn client() -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().timeout(LIMIT).build()?)
}
