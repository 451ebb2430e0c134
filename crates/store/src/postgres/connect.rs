//! Connections: made, watched, thrown away.

use std::fmt;
use std::time::Duration;

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts,
};
use outbox::QueueError;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use super::failure::Failure;
use super::tls::{self, Channel};
use crate::{StoreError, time};

const CONNECT_MAX: Duration = Duration::from_secs(5);
/// What the server allows a transaction whose client has stopped: after that its locks are free for others.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// What we wait for an answer longer than the server would need to refuse, so this tells of a dead connection.
const ANSWER_SLACK: Duration = Duration::from_secs(5);

/// How connections are used.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Connections of one process.
    pub connections_max: usize,
    /// What the server allows one statement; our own patience is a little longer.
    pub statement_max: Duration,
    /// Further statements for each connection, each with a semicolon behind it.
    pub settings: String,
}

/// Planning, settling and claiming use one connection each, the rest is for taking and holding.
const STORE: Terms =
    Terms { connections_max: 10, statement_max: Duration::from_secs(15), settings: String::new() };

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    pool: Pool,
    answer_max: Duration,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool's own words hold the url.
        f.debug_struct("Connections").field("answer_max", &self.answer_max).finish_non_exhaustive()
    }
}

impl Connections {
    /// Reads the url; connects on first use.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        let config = parse(url)?;
        Self::of(tls::channel(url, &config), config, STORE)
    }

    /// As [`Connections::new`], and everything is looked for and made in `schema`, a plain name.
    pub(super) fn in_schema(url: &str, schema: &str) -> Result<Self, StoreError> {
        let mut config = parse(url)?;
        let given = config.get_options().unwrap_or_default();
        config.options(format!("{given} -c search_path={schema}"));
        Self::of(tls::channel(url, &config), config, STORE)
    }

    /// Reads the url; connects on first use, over verified TLS where the server is on another machine, unless the url
    /// says otherwise.
    pub fn on(url: &str, terms: Terms) -> Result<Self, StoreError> {
        let config = parse(url)?;
        Self::of(tls::channel(url, &config), config, terms)
    }

    fn of(channel: Channel, mut config: Config, terms: Terms) -> Result<Self, StoreError> {
        let (settings, answer_max) = (settings(&terms), terms.statement_max + ANSWER_SLACK);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_MAX);
        }
        if config.get_application_name().is_none() {
            config.application_name("okr-router");
        }
        config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(answer_max);
        // Fast: a closed connection is seen without a question. One that only looks open is found by `answer_max`.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match channel {
            Channel::Clear => Manager::from_config(config, NoTls, recycling),
            Channel::Verified => {
                config.ssl_mode(SslMode::Require);
                Manager::from_config(config, tls::connector().map_err(broken)?, recycling)
            }
            Channel::Offered => {
                tracing::warn!(
                    "store.url says sslmode=prefer: a server without TLS is spoken to in clear text; \
                     sslmode=require allows TLS alone"
                );
                Manager::from_config(config, tls::connector().map_err(broken)?, recycling)
            }
        };
        let timeouts =
            Timeouts { wait: Some(CONNECT_MAX), create: Some(CONNECT_MAX * 2), recycle: Some(CONNECT_MAX) };
        let pool = Pool::builder(manager)
            .max_size(terms.connections_max)
            .runtime(Runtime::Tokio1)
            .timeouts(timeouts)
            .post_create(Hook::async_fn(move |client, _| {
                let settings = settings.clone();
                Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| broken(error.to_string()))?;
        Ok(Self { pool, answer_max })
    }

    /// A connection that is open as far as anybody knows.
    pub async fn get(&self) -> Result<Object, Failure> {
        Ok(self.pool.get().await?)
    }

    /// A connection for the statements, and the answer of them all, for a bounded time.
    pub async fn ask<T>(
        &self,
        statements: impl AsyncFnOnce(&mut Object) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        answered_within(self.answer_max, self.get().await?, statements).await
    }
}

fn parse(url: &str) -> Result<Config, StoreError> {
    // The parser's words never contain the password.
    url.parse().map_err(|error| broken(format!("store.url is not valid: {error}")))
}

fn broken(words: String) -> StoreError {
    StoreError::Home(QueueError::Broken(words))
}

/// The server asks a client that is silent whether its machine is still there: one that is gone must not keep locks for
/// hours. Our tables are found by their indexes alone. A plan that was made while a table was still empty would read it from
/// end to end, and would go on doing so after it has grown, until the next `ANALYZE`.
fn settings(terms: &Terms) -> String {
    format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; SET enable_seqscan = off; \
         SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
         SET default_transaction_isolation = 'read committed'; {}",
        time::millis(terms.statement_max),
        time::millis(IDLE_MAX),
        terms.settings,
    )
}

/// Waits for the answer of statements that were sent on `client`, for a bounded time. After any failure the connection
/// is thrown away: nobody can say in which state it is.
pub(super) async fn answered<T>(
    client: Object,
    statements: impl AsyncFnOnce(&mut Object) -> Result<T, Failure>,
) -> Result<T, Failure> {
    answered_within(STORE.statement_max + ANSWER_SLACK, client, statements).await
}

async fn answered_within<T>(
    answer_max: Duration,
    client: Object,
    statements: impl AsyncFnOnce(&mut Object) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut guard = Guard(Some(client));
    let Some(client) = guard.0.as_mut() else {
        return Err(Failure::Broken("no connection".to_owned()));
    };
    let outcome = match tokio::time::timeout(answer_max, statements(client)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::Unavailable("Postgres did not answer in time".to_owned())),
    };
    if outcome.is_ok() {
        guard.keep();
    }
    outcome
}

/// Throws its connection away unless told to keep it; also when the caller stops waiting in the middle.
struct Guard(Option<Object>);

impl Guard {
    /// Back to the pool.
    fn keep(&mut self) {
        self.0.take();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}
