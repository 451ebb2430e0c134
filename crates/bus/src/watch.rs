//! Readiness that follows the broker.

use std::{sync::Arc, time::Duration};

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
        Self::of(settings::base(settings)?)
    }

    /// Of a configuration that has more to say.
    pub(crate) fn of(config: ClientConfig) -> Result<Self, BusError> {
        let client = config.create_with_context(Quiet);
        client.map(|client| Self(Arc::new(Aside::new(client)))).map_err(|error| BusError::from_kafka(&error))
    }

    /// Whether a broker answers within `wait`.
    pub(crate) async fn ask(&self, wait: Duration) -> Result<(), BusError> {
        // One topic, not all: the answer stays small on a large cluster, and a missing topic is an answer too.
        let topic = TOPICS.first().map_or("okr.events", |topic| topic.name);
        self.run(move |client| client.fetch_metadata(Some(topic), wait).map(|_| ())).await
    }

    /// Runs a blocking question off the async threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer<Quiet>) -> Result<T, rdkafka::error::KafkaError> + Send + 'static,
    ) -> Result<T, BusError> {
        let client = self.0.clone();
        let answer = tokio::task::spawn_blocking(move || {
            // Log lines and errors gather in a queue that only a poll empties.
            while client.poll(Duration::ZERO).is_some() {}
            question(&client)
        });
        answer.await.map_err(|_| BusError::Closed)?.map_err(|error| BusError::from_kafka(&error))
    }
}
