//! The client.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::{EgressError, Guard};

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long a connection may take, TLS included.
    pub connect_timeout: Duration,
    /// How long the whole exchange may take, connection and answer included.
    pub timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub response_bytes_max: usize,
    /// How we introduce ourselves; `okr-router/<version>` by default.
    pub user_agent: String,
    /// Which addresses may be reached.
    pub guard: Guard,
    /// Proxy for every request; none by default, and never one from the environment.
    pub proxy: Option<Url>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            response_bytes_max: 64 << 10,
            user_agent: concat!("okr-router/", env!("CARGO_PKG_VERSION")).to_owned(),
            guard: Guard::Public,
            proxy: None,
        }
    }
}

/// One request to be posted.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Where to; http or https.
    pub url: &'a Url,
    /// Headers in this order, duplicates kept.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

/// An answer, whatever its status.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole and within the bound.
    pub body: Bytes,
}

/// The client; cheap to clone, clones share their connections.
#[derive(Debug, Clone)]
pub struct Client;

impl Client {
    /// Builds a client.
    pub fn new(_options: ClientOptions) -> Result<Self, EgressError> {
        todo!()
    }

    /// Posts, and reads the whole answer. Redirects are not followed: a 3xx is an answer like any other.
    pub async fn post(&self, _request: Request<'_>) -> Result<Response, EgressError> {
        todo!()
    }
}

/// Makes ring the TLS provider of this process, unless there is one already. First line of every main.
pub fn install_crypto() {
    todo!()
}
