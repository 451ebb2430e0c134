//! What librdkafka calls back: delivery reports, statistics, errors, log lines.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
};

use metrics::Counter;
use rdkafka::{
    ClientContext, Message,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::ProducerContext,
};
use tokio::sync::{oneshot, watch};

use super::view::View;
use crate::{error::SendError, logs, observe, record::Placed, tokens::Tokens};

/// Travels with each record and takes its answer.
pub(super) type Answer = Box<oneshot::Sender<Result<Placed, SendError>>>;

pub(super) struct Context {
    fatal: AtomicBool,
    view: watch::Sender<View>,
    tokens: Option<Tokens>,
    acknowledged: Counter,
}

impl Context {
    pub(super) fn new(tokens: Option<Tokens>) -> Self {
        let (fatal, view) = (AtomicBool::default(), watch::Sender::default());
        Self { fatal, view, tokens, acknowledged: observe::acknowledged() }
    }

    /// Whether a fatal error came since the last call.
    pub(super) fn take_fatal(&self) -> bool {
        self.fatal.swap(false, Ordering::SeqCst)
    }

    /// What the client knows, from now on; statistics are read only while somebody watches.
    pub(super) fn watch(&self) -> watch::Receiver<View> {
        self.view.subscribe()
    }
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        logs::token(self.tokens.as_ref())
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        logs::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.fatal.store(true, Ordering::SeqCst);
        }
        logs::trouble(&error, reason);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        if self.view.receiver_count() > 0
            && let Some(view) = View::read(statistics)
        {
            self.view.send_replace(view);
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Answer;

    fn delivery(&self, report: &DeliveryResult<'_>, answer: Answer) {
        let outcome = match report {
            Ok(message) => placed(message.partition(), message.offset()),
            Err((error, _)) => Err(SendError::from_kafka(error)),
        };
        match &outcome {
            Ok(_) => self.acknowledged.increment(1),
            Err(error) => observe::unsent(error.reason()),
        }
        // Nobody may be waiting any more.
        let _ = answer.send(outcome);
    }
}

/// An acknowledgement has an offset. On a fresh partition a broker may take the first batch for a duplicate of a later
/// one and say success without one: then the record is perhaps not in the log.
pub(super) fn placed(partition: i32, offset: i64) -> Result<Placed, SendError> {
    if offset < 0 {
        observe::report_without_offset();
        return Err(SendError::Unacknowledged("the report has no offset".into()));
    }
    Ok(Placed { partition, offset })
}
