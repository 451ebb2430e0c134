//! `/readyz`: is everything there that a delivery needs? Each check that fails names the command that mends it.

use std::time::{Duration, Instant};

use boot::{BoxError, Check, House};
use bus::{Admin, BusError, Rights, TopicState};

/// How often the cluster is looked at until it is as it should be, and after that.
const LOOK_SOON: Duration = Duration::from_secs(1);
const LOOK_LATER: Duration = Duration::from_secs(30);
/// How often the topics and our rights are asked for between two looks, and how long the answer may take: what was
/// taken away shows within ten seconds.
const GLANCE_PERIOD: Duration = Duration::from_secs(4);
const GLANCE_WAIT: Duration = Duration::from_secs(3);
/// How often the broker is asked for a sign of life; a lost one shows within ten seconds.
const BROKER_PERIOD: Duration = Duration::from_secs(3);
/// The topics that a delivery goes to.
const TOPICS: &[&str] = &["okr.events", "okr.arrivals", "okr.pending", "okr.dead.gateway"];
/// Those of them that every delivery goes to, with arrivals and without. Kafka's client looks at each partition that it
/// knows whenever a record is queued, so it learns of the others when a delivery needs them.
const ALWAYS: [&[&str]; 2] = [&["okr.events"], &["okr.events", "okr.arrivals"]];

/// What is watched.
#[derive(Debug)]
pub(crate) struct Watch {
    pub settings: bus::Settings,
    pub registry: wire::Registry,
    pub producer: bus::Producer,
    pub keep_arrivals: bool,
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
        rights: house.health.check("rights"),
    };
    let shutdown = house.shutdown.clone();
    house.tasks.spawn("gateway readiness", async move {
        let cluster =
            Cluster { admin: Admin::new(&watch.settings)?, rights: Rights::new(&watch.settings, "gateway")? };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = look(&watch, &cluster, &checks) => {}
        }
        Ok(())
    });
}

struct Checks {
    topics: Check,
    schemas: Check,
    producer: Check,
    rights: Check,
}

/// Two ways to look at it.
struct Cluster {
    admin: Admin,
    rights: Rights,
}

/// Looks until everything is there, then now and again: a topic may be deleted, and comes back when it is mended.
async fn look(watch: &Watch, cluster: &Cluster, checks: &Checks) {
    let (mut topics, mut registered, mut warm) = (false, false, false);
    loop {
        let are_there = glance(&cluster.rights, &checks.rights).await;
        topics = as_configured(watch, &cluster.admin, &checks.topics, topics).await;
        if !registered {
            registered = schemas(watch, &checks.schemas).await;
        }
        // A topic that was made anew is another one, with leaders that the producer has to learn.
        warm &= are_there;
        // Asking for the leaders of a topic that does not exist would only wait.
        if !warm && topics {
            warm = warmed(watch, &checks.producer).await;
        }
        if !(topics && registered && warm) {
            tokio::time::sleep(LOOK_SOON).await;
            continue;
        }
        let later = Instant::now() + LOOK_LATER;
        loop {
            tokio::time::sleep(GLANCE_PERIOD).await;
            if !glance(&cluster.rights, &checks.rights).await || Instant::now() >= later {
                break;
            }
        }
    }
}

/// Whether all topics are there, as far as the cluster says; what we may not do is told by the way.
async fn glance(rights: &Rights, check: &Check) -> bool {
    judged(rights.look(GLANCE_WAIT).await, check)
}

fn judged(looked: Result<bus::Standing, BusError>, check: &Check) -> bool {
    match looked {
        Ok(standing) => {
            match standing.refusal() {
                None => check.ok(),
                Some(why) => check.fail(why),
            }
            standing.missing.is_empty()
        }
        Err(error) => {
            // Whether Kafka answers is another check's to say.
            if matches!(error, BusError::Refused(_)) {
                check.fail(format!("what may be done on the cluster is not told: {error}"));
            }
            true
        }
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

/// The producer knows the leaders that it needs always and has its id: without that, a first report might come without
/// an offset.
async fn warmed(watch: &Watch, check: &Check) -> bool {
    match watch.producer.warm(ALWAYS[usize::from(watch.keep_arrivals)]).await {
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
