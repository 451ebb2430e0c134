//! From configuration to parts: what more than one role or command builds.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use boot::{Document, Span};

use crate::{config::Whole, oauth};

/// The topic whose partitions belong to departments.
const EVENTS: &str = "okr.events";

/// How this process talks to the cluster. `client` names it to the brokers.
pub fn bus_settings(whole: &Whole, client: &str) -> Result<bus::Settings> {
    let kafka = &whole.shared.kafka;
    let mut settings = bus::Settings::new(kafka.brokers.clone(), client);
    settings.fetch_wait = kafka.fetch_wait.0;
    settings.session_timeout = kafka.session_timeout.0;
    settings.poll_interval_max = kafka.poll_interval_max.0;
    settings.fetch_queue_bytes = kafka.fetch_queue.0;
    settings.produce_queue_bytes = kafka.produce_queue.0;
    settings.linger = Duration::ZERO;
    settings.security = kafka.security.as_ref().map(security).transpose()?;
    Ok(settings)
}

fn security(config: &boot::SecurityConfig) -> Result<bus::Security> {
    let protocol = bus::Protocol::parse(&config.protocol)
        .with_context(|| format!("`kafka.security.protocol` knows no {:?}", config.protocol))?;
    let mechanism = |text: &String| {
        bus::Mechanism::parse(text).with_context(|| format!("`kafka.security.mechanism` knows no {text:?}"))
    };
    let mut security = bus::Security::new(protocol);
    security.mechanism = config.mechanism.as_ref().map(mechanism).transpose()?;
    security.username = config.username.clone();
    let password = config.password.as_ref().map(boot::SecretRef::resolve).transpose();
    security.password =
        password.context("`kafka.security.password`")?.map(|secret| secret.expose().to_owned());
    security.ca_file = config.ca_file.clone();
    security.certificate_file = config.cert_file.clone();
    security.key_file = config.key_file.clone();
    let key_password = config.key_password.as_ref().map(boot::SecretRef::resolve).transpose();
    security.key_password =
        key_password.context("`kafka.security.key_password`")?.map(|secret| secret.expose().to_owned());
    security.tokens = config.oauth.as_ref().map(oauth::tokens).transpose()?;
    Ok(security)
}

/// The schema registry.
pub fn registry(whole: &Whole) -> Result<wire::Registry> {
    let config = &whole.shared.registry;
    let url = config.url.resolve().context("`registry.url`")?;
    Ok(wire::Registry::new(url.expose(), config.unknown_id_grace.0)?)
}

/// The address of the state.
pub fn store_url(whole: &Whole) -> Result<boot::Secret> {
    whole.shared.store_url().resolve().context("`store.url`")
}

/// Where the warehouse is: a file in `data_dir` unless `warehouse.url` says otherwise.
pub fn warehouse(whole: &Whole) -> Result<warehouse::Place> {
    let warehouse::WarehouseConfig { url, schema, .. } = whole.document.section("warehouse")?;
    let url = match url {
        Some(url) => url.resolve().context("`warehouse.url`")?.expose().to_owned(),
        None => format!("file:{}", whole.shared.data_dir.join("warehouse.db").display()),
    };
    Ok(warehouse::Place { url, schema })
}

/// Notes and actors of what happened before this are not kept; all are, where nothing is said of it.
pub fn notes_since(whole: &Whole) -> Result<Option<jiff::Timestamp>> {
    let warehouse::WarehouseConfig { notes_age_max, .. } = whole.document.section("warehouse")?;
    Ok(notes_age_max.map(|age| warehouse::notes_since(jiff::Timestamp::now(), age.0)))
}

/// What seals learned secrets: the key, and the ones before it.
pub fn seal(whole: &Whole) -> Result<Option<store::Seal>> {
    let config = &whole.shared.store;
    let Some(seal) = &config.seal else { return Ok(None) };
    let mut keys = vec![seal.resolve().context("`store.seal`")?];
    for (nth, old) in config.seal_old.iter().enumerate() {
        keys.push(old.resolve().with_context(|| format!("`store.seal_old[{nth}]`"))?);
    }
    let seal =
        store::Seal::new(&keys).map_err(|error| anyhow!("`store.seal`, or one of `seal_old`, {error}"))?;
    Ok(Some(seal))
}

/// What sources promise less than it seems, and a gateway that has too little time to stop, each with its place.
pub fn doubts(whole: &Whole) -> Result<Vec<String>> {
    let gateway: gateway::GatewayConfig = whole.document.section("gateway")?;
    let (grace, stop_max) = (whole.shared.shutdown_grace, Span(gateway.stop_max()));
    let hurry = (grace.0 <= stop_max.0).then(|| {
        let hurry = format!(
            "with this deadline a gateway may take {stop_max} to stop, but `shutdown_grace` is {grace}: it would end \
             with 1 before its last answers are given; let `shutdown_grace` be longer than {stop_max}"
        );
        located(&whole.document, "gateway.request_deadline", &hurry).to_string()
    });
    let configs: BTreeMap<String, sources::SourceConfig> = whole.document.section("sources")?;
    let doubts = configs.iter().flat_map(|(name, config)| sources::Source::doubts(name, config));
    Ok(doubts.map(|doubt| located(&whole.document, &doubt.path, &doubt).to_string()).chain(hurry).collect())
}

/// Every configured source, with its secrets.
pub fn sources(whole: &Whole) -> Result<Vec<sources::Source>> {
    let configs: BTreeMap<String, sources::SourceConfig> = whole.document.section("sources")?;
    configs
        .iter()
        .map(|(name, config)| {
            sources::Source::build(name, config)
                .map_err(|error| located(&whole.document, &error.path, &error))
        })
        .collect()
}

/// An error with the place in the configuration where its cause stands.
pub fn located(document: &Document, path: &str, error: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!("{}: {error}", document.at(path))
}

/// One configured source, with its secrets.
pub fn source(whole: &Whole, name: &str) -> Result<sources::Source> {
    let config: sources::SourceConfig = whole.document.entry("sources", name)?;
    sources::Source::build(name, &config).map_err(|error| located(&whole.document, &error.path, &error))
}

/// Every topic as the configuration wants it.
pub fn topics(whole: &Whole) -> Result<Vec<bus::WantedTopic>> {
    let departments: gateway::DepartmentsConfig = whole.document.section("departments")?;
    let kafka = &whole.shared.kafka;
    let wanted = |topic: &bus::Topic| bus::WantedTopic {
        name: topic.name.to_owned(),
        partitions: if topic.name == EVENTS { departments.partitions } else { kafka.partitions },
        replication: kafka.replication,
        min_isr: kafka.min_insync_replicas,
        retention: topic.retention,
        max_message_bytes: topic.max_message_bytes,
    };
    Ok(bus::TOPICS.iter().map(wanted).collect())
}

/// The topics of a delivery, each with the largest record that the configuration permits.
pub fn record_sizes(whole: &Whole) -> Result<Vec<(&'static str, u64)>> {
    let gateway: gateway::GatewayConfig = whole.document.section("gateway")?;
    let largest = gateway.record_bytes_max();
    Ok(["okr.events", "okr.arrivals", "okr.dead.gateway"].map(|topic| (topic, largest)).to_vec())
}

/// Destinations that are built, by name, with what they were built from.
pub type Destinations = BTreeMap<String, (destinations::DestinationConfig, Arc<dyn outbox::Destination>)>;

/// Every configured destination, with its secrets. One of `before` that says the same, its secret included, is kept.
pub fn destinations(whole: &Whole, clock: &boot::Clock, before: &Destinations) -> Result<Destinations> {
    let configs: BTreeMap<String, destinations::DestinationConfig> =
        whole.document.section("destinations")?;
    let build = |(name, config): (String, destinations::DestinationConfig)| {
        let built = destinations::build(&name, &config, clock.clone())
            .map_err(|error| located(&whole.document, &error.path, &error))?;
        // The rate key is of the address that a secret resolved to.
        let kept = before
            .get(&name)
            .filter(|(known, kept)| *known == config && kept.rate_key() == built.rate_key())
            .map(|(_, kept)| Arc::clone(kept));
        Ok((name, (config, kept.unwrap_or(built))))
    };
    configs.into_iter().map(build).collect()
}

/// The compiled routes.
pub fn routes(whole: &Whole) -> Result<notifier::Routes> {
    let configs: Vec<notifier::RouteConfig> = whole.document.section("routes")?;
    notifier::Routes::compile(&configs, &whole.document.names("destinations")).map_err(|errors| {
        let lines = errors.iter().map(|error| located(&whole.document, &error.path, error).to_string());
        anyhow!(lines.collect::<Vec<_>>().join("\n"))
    })
}
