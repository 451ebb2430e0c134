//! The kinds of destinations. A channel is a file, a line here, and the conformance suite.

use std::sync::Arc;
use std::time::Duration;

use boot::{Clock, Rate, SecretRef, Span};
use outbox::Destination;

use crate::{DestinationConfig, DestinationError, hook, http, slack, terminal};

/// How long an attempt may take when the configuration says nothing.
const TIMEOUT: Span = Span::seconds(10);
const DAY: Duration = Duration::from_secs(86_400);

/// One kind that is built.
struct Channel {
    kind: &'static str,
    /// What it reads besides `kind`; anything else is refused.
    keys: &'static [&'static str],
    rate: Rate,
    concurrency: usize,
    build: fn(Plan<'_>) -> Result<Arc<dyn Destination>, DestinationError>,
}

const CHANNELS: &[Channel] = &[
    Channel {
        kind: "http",
        keys: http::KEYS,
        rate: Rate::per_second(50.0),
        concurrency: 8,
        build: http::build,
    },
    Channel {
        kind: "slack",
        keys: slack::KEYS,
        rate: Rate::per_second(1.0),
        concurrency: 4,
        build: slack::build,
    },
    Channel {
        kind: "terminal",
        keys: terminal::KEYS,
        rate: Rate::NONE,
        concurrency: 1,
        build: terminal::build,
    },
];

/// Kinds that the configuration may come to know and that are not built: refused by name.
const NOT_BUILT: &[&str] =
    &["discord", "email", "google-chat", "mattermost", "opsgenie", "pagerduty", "sms", "teams", "webhook"];

/// What a channel is built from: the configuration with its kind's defaults filled in.
pub(crate) struct Plan<'a> {
    pub(crate) name: &'a str,
    pub(crate) config: &'a DestinationConfig,
    pub(crate) rate: Rate,
    pub(crate) timeout: Duration,
    pub(crate) concurrency: usize,
    pub(crate) clock: Clock,
}

/// The names of the kinds that are built.
pub fn catalog() -> impl Iterator<Item = &'static str> {
    CHANNELS.iter().map(|channel| channel.kind)
}

/// Checks all of a destination's section that can be checked without fetching a secret.
///
/// Fails on a kind that is unknown or not built, a key that the kind does not read or lacks, a value out of its range,
/// and a literal URL that is none.
pub fn check(name: &str, config: &DestinationConfig) -> Result<(), DestinationError> {
    checked(name, config).map(drop)
}

/// Builds the destination `name`, fetching its secrets now. `clock` is what a `Retry-After` date is compared with.
///
/// Fails where [`check`] does, and on a secret that cannot be had or is no URL.
pub fn build(
    name: &str,
    config: &DestinationConfig,
    clock: Clock,
) -> Result<Arc<dyn Destination>, DestinationError> {
    let channel = checked(name, config)?;
    let timeout = config.timeout.unwrap_or(TIMEOUT).0;
    let concurrency = config.concurrency.unwrap_or(channel.concurrency);
    let rate = config.rate.unwrap_or(channel.rate);
    (channel.build)(Plan { name, config, rate, timeout, concurrency, clock })
}

fn checked(name: &str, config: &DestinationConfig) -> Result<&'static Channel, DestinationError> {
    check_name(name)?;
    let wrong = |key: &str, problem: &str| DestinationError::new(name, key, problem);
    let Some(channel) = CHANNELS.iter().find(|channel| channel.kind == config.kind) else {
        return Err(wrong("kind", &unknown(&config.kind)));
    };
    if let Some(key) = config.given().find(|key| !channel.keys.contains(key)) {
        let known = channel.keys.join(", ");
        return Err(wrong(key, &format!("kind `{}` has no such key; it reads {known}", channel.kind)));
    }
    if channel.keys.contains(&"url") {
        match &config.url {
            None => return Err(wrong("url", &format!("is missing; kind `{}` posts to it", channel.kind))),
            Some(SecretRef::Literal(url)) => {
                hook::parse(url).map(drop).map_err(|problem| wrong("url", problem))?
            }
            Some(_) => {}
        }
    }
    if config.timeout.is_some_and(|timeout| timeout.0.is_zero() || timeout.0 > DAY) {
        return Err(wrong("timeout", "must be above zero and at most a day"));
    }
    if config.concurrency.is_some_and(|concurrency| !(1..=1_000).contains(&concurrency)) {
        return Err(wrong("concurrency", "must be from 1 to 1000"));
    }
    Ok(channel)
}

/// A name goes into headers, metrics, dead letters and the ids of effects: it must need no escaping anywhere.
fn check_name(name: &str) -> Result<(), DestinationError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.len() <= 64 && name.bytes().all(plain) {
        return Ok(());
    }
    Err(DestinationError::new(name, "", "a name has 1 to 64 of the characters a-z, A-Z, 0-9, `-` and `_`"))
}

fn unknown(kind: &str) -> String {
    let built = catalog().collect::<Vec<_>>().join(", ");
    if NOT_BUILT.contains(&kind) {
        return format!("kind `{kind}` is not built yet; built are {built}");
    }
    let nearest = catalog().find(|known| strsim::damerau_levenshtein(known, kind) <= 2);
    match nearest {
        Some(known) => format!("unknown kind `{kind}`, did you mean `{known}`? Built are {built}"),
        None => format!("unknown kind `{kind}`; built are {built}"),
    }
}
