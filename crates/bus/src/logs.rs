//! librdkafka's own words, into tracing under the target `rdkafka`.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use rdkafka::{
    client::{ClientContext, OAuthToken},
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use crate::{settings::Settings, tokens::Tokens};

/// Passes one line on. What librdkafka takes for an error is often a broker that restarts: none is above `warn`,
/// for whoever is affected reports it.
pub(crate) fn line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        // Says that a consumer's property means nothing to a producer, which is set for both on purpose.
        _ if facility == "CONFWARN" => {
            tracing::debug!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error
        | RDKafkaLogLevel::Warning => {
            tracing::warn!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
        RDKafkaLogLevel::Debug => {
            tracing::debug!(target: "rdkafka", { rdkafka.facility = facility }, "{message}");
        }
    }
}

/// A global error of a client: mostly a broker that went away, which librdkafka heals by itself.
pub(crate) fn trouble(error: &KafkaError, reason: &str) {
    tracing::debug!(target: "rdkafka", error = %error, "{reason}");
}

/// A broker that wants TLS or a login just closes the connection of who comes without.
const WANTS_MORE: &str = "; if it lasts: does the broker want TLS or a login (`kafka.security`)?";

/// The context of clients that only ask: admin, reachability. It remembers what last went wrong on the way to a broker,
/// for a question that fails only says that nobody answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Quiet {
    tokens: Option<Tokens>,
    cause: Arc<Mutex<Option<Cause>>>,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) code: Code,
    pub(crate) why: String,
}

impl Quiet {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self { tokens: settings.tokens(), cause: Arc::default() }
    }

    /// What last went wrong since `well`.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A broker has answered.
    pub(crate) fn well(&self) {
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ClientContext for Quiet {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // A connection that somebody closed. Mostly it idled; with the wrong protocol these are all the words there are.
        if facility == "FAIL" && (level as i32) > (RDKafkaLogLevel::Error as i32) {
            let code = Code::BrokerTransportFailure;
            let why = format!("{}{WANTS_MORE}", brief(without_thread(message)));
            self.cause.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(Cause { code, why });
            return line(RDKafkaLogLevel::Debug, facility, message);
        }
        line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        trouble(&error, reason);
        // That all are down follows what made them so.
        if let Some(code) = error.rdkafka_error_code().filter(|code| *code != Code::AllBrokersDown) {
            let cause = Cause { code: cause_of(code, reason), why: brief(reason).to_owned() };
            *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        token(self.tokens.as_ref())
    }
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

/// What every context answers when librdkafka wants a token.
pub(crate) fn token(tokens: Option<&Tokens>) -> Result<OAuthToken, Box<dyn Error>> {
    let tokens = tokens.ok_or("no tokens are configured")?;
    Ok(tokens.for_client()?)
}

/// What OpenSSL calls each of its errors.
const OPENSSL: &str = ":SSL routines:";

/// A handshake that fails in its very first step (the broker was faster than we) librdkafka reports as a connection that
/// did not come about, in OpenSSL's words.
fn cause_of(code: Code, reason: &str) -> Code {
    if code == Code::BrokerTransportFailure && reason.contains(OPENSSL) { Code::SSL } else { code }
}

/// A line without the name of librdkafka's thread: `[thrd:…]: `.
fn without_thread(line: &str) -> &str {
    line.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")).map_or(line, |(_, rest)| rest)
}

/// A reason without what librdkafka counts at its end, so that the same one stays the same: `(after 2ms in state …)`.
fn brief(reason: &str) -> &str {
    reason.rfind(" (after ").map_or(reason, |end| &reason[..end])
}

#[cfg(test)]
mod tests;
