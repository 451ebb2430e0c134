//! Readiness that follows the broker.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};

use crate::{
    aside::Aside,
    error::BusError,
    logs::Quiet,
    settings::{self, Settings},
    topics::TOPICS,
};

/// How long a broker may take to answer before it counts as lost. With a period of five seconds or less, a loss is
/// told within ten.
const ANSWER_WAIT: Duration = Duration::from_secs(3);
/// How long a failed question waits for its cause.
const CAUSE_WAIT: Duration = Duration::from_millis(500);
/// A poll that does not wait takes one thing only.
const SERVE_WAIT: Duration = Duration::from_millis(1);

/// Asks the cluster for a little metadata every `period` and reports each answer; runs until it is dropped. The first
/// report comes at once. Idle it costs one small request per period.
pub async fn watch_broker(
    settings: &Settings,
    period: Duration,
    report: impl Fn(Result<(), String>) + Send,
) -> Result<(), BusError> {
    let probe = Probe::new(settings)?;
    loop {
        let answer = probe.ask(ANSWER_WAIT).await;
        report(answer.map_err(|error| error.to_string()));
        tokio::time::sleep(period).await;
    }
}

/// A client that only asks.
#[derive(Clone)]
pub(crate) struct Probe(Arc<Aside<BaseConsumer<Quiet>>>);

impl Probe {
    pub(crate) fn new(settings: &Settings) -> Result<Self, BusError> {
        Self::of(settings, settings::base(settings)?)
    }

    /// Of a configuration that has more to say.
    pub(crate) fn of(settings: &Settings, mut config: ClientConfig) -> Result<Self, BusError> {
        // Who asks wants to know why nobody answers, see `Quiet`.
        config.set("log.connection.close", "true");
        let client = config.create_with_context(Quiet::of(settings));
        client.map(|client| Self(Arc::new(Aside::new(client)))).map_err(|error| BusError::from_kafka(&error))
    }

    /// Whether a broker answers within `wait`.
    pub(crate) async fn ask(&self, wait: Duration) -> Result<(), BusError> {
        // One topic, not all: the answer stays small on a large cluster, and a missing topic is an answer too.
        let topic = TOPICS.first().map_or("okr.events", |topic| topic.name);
        self.run(move |client| client.fetch_metadata(Some(topic), wait).map(|_| ())).await
    }

    /// Runs a blocking question off the async threads. An error says what stands in the way, as far as it is known.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, rdkafka::error::KafkaError> + Send + 'static,
    ) -> Result<T, BusError> {
        self.ask_for(move |client| question(client).map_err(|error| BusError::from_kafka(&error))).await
    }

    /// As `run`, for a question with an error of ours.
    pub(crate) async fn ask_for<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, BusError> + Send + 'static,
    ) -> Result<T, BusError> {
        let client = self.0.clone();
        let answer = tokio::task::spawn_blocking(move || {
            serve(&client);
            let answer = question(&client);
            match &answer {
                Err(BusError::Unavailable(_)) => serve_for_cause(&client),
                Err(_) => serve(&client),
                Ok(_) => client.context().well(),
            }
            (answer, client.context().cause())
        });
        let (answer, cause) = answer.await.map_err(|_| BusError::Closed)?;
        answer.map_err(|error| error.because(cause))
    }
}

/// What stands in the way is often told a moment after the question has failed for it.
fn serve_for_cause(client: &BaseConsumer<Quiet>) {
    let deadline = Instant::now() + CAUSE_WAIT;
    serve(client);
    while client.context().cause().is_none() && Instant::now() < deadline {
        let _ = client.poll(SERVE_WAIT * 20);
    }
}

/// Log lines, errors and the wish for a token gather in a queue that only a poll empties.
pub(crate) fn serve(client: &BaseConsumer<Quiet>) {
    while client.poll(SERVE_WAIT).is_some() {}
}
