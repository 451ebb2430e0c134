//! `/readyz`: is everything there that a delivery needs? Each check that fails names the command that mends it.

use std::time::Duration;

use boot::{BoxError, Check, House};
use bus::{Admin, BusError, TopicState};

/// How often the cluster is looked at until it is as it should be, and after that.
const LOOK_SOON: Duration = Duration::from_secs(1);
const LOOK_LATER: Duration = Duration::from_secs(30);
/// How often the broker is asked for a sign of life; a lost one shows within ten seconds.
const BROKER_PERIOD: Duration = Duration::from_secs(3);
/// The topics that a delivery goes to.
const TOPICS: &[&str] = &["okr.events", "okr.arrivals", "okr.dead.gateway"];

/// What is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub settings: bus::Settings,
    pub registry: wire::Registry,
    pub producer: bus::Producer,
    pub wanted: Wanted,
    pub house: House,
}

/// What the topics must be like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Partitions of `okr.events`.
    pub event_partitions: i32,
    /// Partitions of the others.
    pub partitions: i32,
    /// The largest record that a permitted delivery becomes.
    pub record_bytes_max: u64,
}

/// Starts the checks; they end with the house.
pub(crate) fn watch(watch: Watch) {
    let house = watch.house.clone();
    let broker = house.health.check("kafka");
    let (settings, shutdown) = (watch.settings.clone(), house.shutdown.clone());
    house.tasks.spawn("gateway kafka watch", async move {
        let report = |answer: Result<(), String>| match answer {
            Ok(()) => broker.ok(),
            Err(why) => broker.fail(why),
        };
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            ended = bus::watch_broker(&settings, BROKER_PERIOD, report) => ended.map_err(BoxError::from),
        }
    });
    let checks = Checks {
        topics: house.health.check("topics"),
        schemas: house.health.check("schemas"),
        producer: house.health.check("producer"),
    };
    let shutdown = house.shutdown.clone();
    house.tasks.spawn("gateway readiness", async move {
        let admin = Admin::new(&watch.settings)?;
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = look(&watch, &admin, &checks) => {}
        }
        Ok(())
    });
}

struct Checks {
    topics: Check,
    schemas: Check,
    producer: Check,
}

/// Looks until everything is there, then now and again: a topic may be deleted, and comes back when it is mended.
async fn look(watch: &Watch, admin: &Admin, checks: &Checks) {
    let (mut topics, mut registered, mut warm) = (false, false, false);
    loop {
        topics = as_configured(watch, admin, &checks.topics, topics).await;
        if !registered {
            registered = schemas(watch, &checks.schemas).await;
        }
        // Asking for the leaders of a topic that does not exist would only wait.
        if !warm && topics {
            warm = warmed(watch, &checks.producer).await;
        }
        let pause = if topics && registered && warm { LOOK_LATER } else { LOOK_SOON };
        tokio::time::sleep(pause).await;
    }
}

async fn as_configured(watch: &Watch, admin: &Admin, check: &Check, before: bool) -> bool {
    match admin.describe(TOPICS).await {
        Ok(states) => match lacking(&watch.wanted, &states) {
            None => {
                check.ok();
                true
            }
            Some(why) => {
                check.fail(why);
                false
            }
        },
        // Whether Kafka answers is the other check's to say, unless it has never told us anything.
        Err(BusError::Unavailable(_)) if before => true,
        Err(error) => {
            check.fail(error.to_string());
            false
        }
    }
}

/// What is not as the config says, and the command that mends it.
fn lacking(wanted: &Wanted, states: &[TopicState]) -> Option<String> {
    let missing: Vec<&str> =
        TOPICS.iter().copied().filter(|name| states.iter().all(|state| state.name != *name)).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Some(format!("missing on the cluster: {missing}; run `okr-router topics apply`"));
    }
    states.iter().find_map(|state| {
        let partitions = if state.name == "okr.events" { wanted.event_partitions } else { wanted.partitions };
        let (name, have) = (&state.name, state.partitions.len());
        let count = usize::try_from(partitions).unwrap_or(0);
        if have < count {
            return Some(format!(
                "{name} has {have} partitions, the config says {partitions}; run `okr-router topics apply`"
            ));
        }
        if have > count {
            return Some(format!(
                "{name} has {have} partitions, the config says {partitions}, and partitions cannot be taken away; correct \
                 the config, `okr-router topics plan` shows the difference"
            ));
        }
        let takes = state.configs.get("max.message.bytes").and_then(|value| value.parse::<u64>().ok());
        let needs = wanted.record_bytes_max;
        takes.filter(|takes| *takes < needs).map(|takes| {
            format!(
                "{name} takes records of {takes} bytes, but `gateway.body_max` permits deliveries of {needs}; run \
                 `okr-router topics apply`"
            )
        })
    })
}

async fn schemas(watch: &Watch, check: &Check) -> bool {
    match watch.registry.ready().await {
        Ok(()) => {
            check.ok();
            true
        }
        Err(error) => {
            check.fail(error.to_string());
            false
        }
    }
}

/// The producer knows all leaders and has its id: without that, a first report might come without an offset.
async fn warmed(watch: &Watch, check: &Check) -> bool {
    match watch.producer.warm(TOPICS).await {
        Ok(()) => {
            check.ok();
            true
        }
        Err(error) => {
            check.fail(error.to_string());
            false
        }
    }
}

#[cfg(test)]
mod tests;
