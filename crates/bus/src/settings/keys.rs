//! Settings in librdkafka's words. Every value that is not its default has its reason beside it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use super::{Mechanism, Security, Settings};
use crate::error::BusError;

/// The largest record anywhere: a dead letter.
const RECORD_BYTES_MAX: u64 = 16 << 20;
/// The smallest and the largest answer to a fetch that is asked for; librdkafka takes 100 MB.
const ANSWER_BYTES: (u64, u64) = (64 << 10, 48 << 20);

/// What all clients share.
pub(crate) fn base(settings: &Settings) -> Result<ClientConfig, BusError> {
    // Before librdkafka does: it would have OpenSSL torn down at the end of the process, under the feet of threads that
    // still greet a broker, and the process would end by a signal instead of its own code.
    openssl_sys::init();
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", settings.brokers.join(","))
        .set("client.id", &settings.client_id)
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true")
        // A broker that hangs is found out in seconds; the defaults are 30 and 60.
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.timeout.ms", millis(settings.fetch_wait + Duration::from_secs(10)))
        // Back within seconds of a broker's return; the default goes up to 10.
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000")
        // Only `topics apply` and dev create topics; a typing error must never.
        .set("allow.auto.create.topics", "false")
        .set("log.connection.close", "false")
        .set_log_level(RDKafkaLogLevel::Info);
    if let Some(security) = &settings.security {
        secure(&mut config, security)?;
    }
    Ok(config)
}

/// A producer that loses and reorders nothing.
pub(crate) fn producer(settings: &Settings, message_timeout: Duration) -> Result<ClientConfig, BusError> {
    let mut config = base(settings)?;
    let timeout = millis(message_timeout.max(settings.linger + Duration::from_millis(1)));
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // Events are a few hundred bytes of repeating text: lz4 halves them at next to no CPU, and every broker
        // and tool reads it. zstd would save more disk and cost the gateway its latency.
        .set("compression.codec", "lz4")
        .set("linger.ms", fraction(settings.linger))
        .set("message.timeout.ms", timeout)
        .set("request.timeout.ms", millis(message_timeout.min(Duration::from_secs(30))))
        .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
        // Below the 2 MiB of the smallest topic, so that a full batch is never refused for its size.
        .set("batch.size", "1000000")
        // Bytes are the bound; a number of records would only be a second one.
        .set("queue.buffering.max.messages", "0")
        .set("queue.buffering.max.kbytes", kib(settings.produce_queue_bytes))
        .set("topic.metadata.refresh.interval.ms", "30000")
        // `warm` reads from the statistics that the producer id is there; no other way tells it.
        .set("statistics.interval.ms", "500");
    Ok(config)
}

/// What readers and group members share: nothing is committed or skipped by itself.
pub(crate) fn consumer(settings: &Settings) -> Result<ClientConfig, BusError> {
    let mut config = base(settings)?;
    // What an answer unpacks to comes on top of what waits: repeating text becomes ten times as large, and each small
    // record costs librdkafka more than it holds. A broker sends at least one batch, however large it is.
    let answer_bytes = (settings.fetch_queue_bytes / 32).clamp(ANSWER_BYTES.0, ANSWER_BYTES.1);
    config
        .set("client.id", unique(&settings.client_id))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.wait.max.ms", millis(settings.fetch_wait))
        .set("fetch.min.bytes", "1")
        .set("fetch.message.max.bytes", (answer_bytes / 4).to_string())
        .set("fetch.error.backoff.ms", "100")
        // After a full queue, look again soon; the default waits a whole second.
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "10000")
        // Half waits with us, a quarter in librdkafka, where records without what they cost besides are counted.
        .set("queued.max.messages.kbytes", kib(settings.fetch_queue_bytes / 4))
        .set("fetch.max.bytes", answer_bytes.to_string())
        // Else an answer would be no smaller than the largest record that librdkafka would send.
        .set("message.max.bytes", answer_bytes.to_string())
        // New partitions and topics are noticed within seconds; the default is five minutes.
        .set("topic.metadata.refresh.interval.ms", "10000");
    Ok(config)
}

/// A client id that no other instance has: members of a group that share one can go around in circles.
pub(crate) fn unique(client_id: &str) -> String {
    // The hasher's keys are random per process and per call; nothing else of it is used.
    let random = RandomState::new().build_hasher().finish();
    format!("{client_id}-{:08x}", random as u32)
}

fn secure(config: &mut ClientConfig, security: &Security) -> Result<(), BusError> {
    config.set("security.protocol", security.protocol.name());
    if security.protocol.logs_in() {
        log_in(config, security)?;
    }
    let files = [
        ("ssl.ca.location", &security.ca_file),
        ("ssl.certificate.location", &security.certificate_file),
        ("ssl.key.location", &security.key_file),
    ];
    for (key, file) in files {
        if let Some(file) = file {
            config.set(key, file.to_string_lossy());
        }
    }
    if let Some(password) = &security.key_password {
        config.set("ssl.key.password", password);
    }
    Ok(())
}

fn log_in(config: &mut ClientConfig, security: &Security) -> Result<(), BusError> {
    let needs = |what: &str| {
        let protocol = security.protocol.name();
        BusError::Settings(format!("{protocol} needs {what}"))
    };
    match security.mechanism {
        Some(mechanism @ Mechanism::OauthBearer) => {
            // The clients ask the tokens of their context for one, see `crate::tokens`.
            security.tokens.as_ref().ok_or_else(|| needs("tokens for OAUTHBEARER"))?;
            config.set("sasl.mechanisms", mechanism.name());
        }
        mechanism => {
            let (Some(mechanism), Some(username), Some(password)) =
                (mechanism, &security.username, &security.password)
            else {
                return Err(needs("a mechanism, a username and a password"));
            };
            config.set("sasl.mechanisms", mechanism.name()).set("sasl.username", username);
            config.set("sasl.password", password);
        }
    }
    Ok(())
}

fn millis(span: Duration) -> String {
    span.as_millis().to_string()
}

fn fraction(span: Duration) -> String {
    format!("{}", span.as_secs_f64() * 1000.0)
}

fn kib(bytes: u64) -> String {
    (bytes / 1024).clamp(1, 2_097_151).to_string()
}
