//! The client: one request, one whole answer, within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls::crypto::CryptoProvider;
use url::Url;

use crate::guard::{self, GuardedResolver};
use crate::{EgressError, Guard};

/// A connection that idled longer is not used again: receivers close theirs, and a request sent into a closing one
/// ends as "perhaps sent".
const IDLE_MAX: Duration = Duration::from_secs(20);

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long a connection may take, names and TLS included.
    pub connect_timeout: Duration,
    /// How long the whole exchange may take, from the connection to the end of the answer.
    pub timeout: Duration,
    /// The longest body of an answer that is read, in bytes.
    pub response_bytes_max: usize,
    /// How we introduce ourselves; `okr-router/<version>` by default.
    pub user_agent: String,
    /// Which addresses may be reached.
    pub guard: Guard,
    /// Proxy for every request; none by default, and never one from the environment. Not with [`Guard::Public`]:
    /// a proxy resolves names itself, behind the guard's back.
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
    /// Headers; a name may occur more than once.
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

/// An answer whose body may not have come whole.
#[derive(Debug, Clone)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, or why it is not here: too long, too slow, broken off.
    pub body: Result<Bytes, EgressError>,
}

/// The client; cheap to clone, clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: reqwest::Client,
    timeout: Duration,
    response_bytes_max: usize,
    guard: Guard,
}

impl Client {
    /// Builds a client, and installs the TLS provider if nobody has.
    ///
    /// Fails with [`EgressError::Setup`]: a proxy together with [`Guard::Public`], or TLS that cannot be set up.
    pub fn new(options: ClientOptions) -> Result<Self, EgressError> {
        install_crypto();
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .user_agent(&options.user_agent)
            .connect_timeout(options.connect_timeout.min(options.timeout))
            .timeout(options.timeout)
            .pool_idle_timeout(IDLE_MAX);
        if options.guard == Guard::Public {
            if options.proxy.is_some() {
                return Err(EgressError::Setup("the guard cannot look behind a proxy".to_owned()));
            }
            builder = builder.dns_resolver(GuardedResolver);
        }
        if let Some(proxy) = options.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|error| setup(&error))?);
        }
        Ok(Self {
            inner: builder.build().map_err(|error| setup(&error))?,
            timeout: options.timeout,
            response_bytes_max: options.response_bytes_max,
            guard: options.guard,
        })
    }

    /// Posts, and reads the whole answer. Redirects are not followed: a 3xx is an answer like any other.
    ///
    /// The error says whether the receiver may have seen the request, see [`EgressError::was_sent`]; it never shows
    /// the URL, which may hold a secret.
    pub async fn post(&self, request: Request<'_>) -> Result<Response, EgressError> {
        let Head { status, headers, body } = self.post_for_head(request).await?;
        Ok(Response { status, headers, body: body? })
    }

    /// Posts as [`Client::post`], for whom the status may be answer enough: once the headers are here it never fails.
    pub async fn post_for_head(&self, request: Request<'_>) -> Result<Head, EgressError> {
        guard::allow(self.guard, request.url)?;
        // This way reqwest makes `user:password@` of the URL the header that it means, and takes it out of the URL.
        let outgoing = self.inner.request(Method::POST, request.url.clone()).build();
        let mut outgoing = outgoing.map_err(|error| self.read_error(error))?;
        for (name, value) in request.headers {
            outgoing.headers_mut().append(name, value);
        }
        *outgoing.body_mut() = Some(request.body.into());
        let answer = self.inner.execute(outgoing).await.map_err(|error| self.read_error(error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = self.read_body(answer).await;
        Ok(Head { status, headers, body })
    }

    /// Asks for the headers alone. By HTTP's own rules this has no effect on the receiver.
    pub async fn head(&self, url: &Url) -> Result<Response, EgressError> {
        self.look(Method::HEAD, url).await
    }

    /// Reads a page. By HTTP's own rules this has no effect on the receiver.
    pub async fn get(&self, url: &Url) -> Result<Response, EgressError> {
        self.look(Method::GET, url).await
    }

    async fn look(&self, method: Method, url: &Url) -> Result<Response, EgressError> {
        guard::allow(self.guard, url)?;
        let is_head = method == Method::HEAD;
        let outgoing = self.inner.request(method, url.clone()).build();
        let outgoing = outgoing.map_err(|error| self.read_error(error))?;
        let answer = self.inner.execute(outgoing).await.map_err(|error| self.read_error(error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        // The length that a HEAD is told is that of a body which does not come.
        let body = if is_head { Bytes::new() } else { self.read_body(answer).await? };
        Ok(Response { status, headers, body })
    }

    async fn read_body(&self, mut answer: reqwest::Response) -> Result<Bytes, EgressError> {
        let bytes_max = self.response_bytes_max;
        let too_large = EgressError::TooLarge { status: answer.status().as_u16(), bytes_max };
        if answer.content_length().is_some_and(|length| length > bytes_max as u64) {
            return Err(too_large);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.read_error(error))? {
            if body.len() + chunk.len() > bytes_max {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn read_error(&self, error: reqwest::Error) -> EgressError {
        let error = error.without_url();
        if let Some(refused) = guard::refusal(&error) {
            return EgressError::Forbidden(refused.to_string());
        }
        // First the connection: a connect that ran out of time is "surely not sent", and also a timeout.
        if error.is_connect() {
            EgressError::Connect(causes(&error))
        } else if error.is_builder() {
            EgressError::Forbidden(causes(&error))
        } else if error.is_timeout() {
            EgressError::Timeout(self.timeout)
        } else {
            EgressError::Closed(causes(&error))
        }
    }
}

/// Makes ring the TLS provider of this process, unless there is one already. First line of every main: the registry
/// client and others need it before the first [`Client`] is built.
pub fn install_crypto() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

fn setup(error: &reqwest::Error) -> EgressError {
    EgressError::Setup(causes(error))
}

/// The causes of an error without its own first line, which only says that a request failed.
fn causes(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let part = error.to_string();
        if parts.last() != Some(&part) {
            parts.push(part);
        }
        cause = error.source();
    }
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}

#[cfg(test)]
mod tests;
