//! Readiness: what the notifier needs besides its consumer, asked again until it is there.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use boot::{BoxError, Check, House};
use bus::BusError;
use outbox::{Depth, Queue};
use store::Store;
use tokio::sync::watch::Receiver;

use crate::letters::Letters;
use crate::observe;
use crate::planner::SERVICE;

/// How often something that is not there is asked for.
const AGAIN: Duration = Duration::from_secs(2);
/// How often the store is asked whether it still answers.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// How often the broker is asked what we may do, and how long it may take to answer.
const RIGHTS_EVERY: Duration = Duration::from_secs(4);
const RIGHTS_WAIT: Duration = Duration::from_secs(3);

/// Turns the check to well once `ask` succeeds; until then it says why not. `None`: the house shuts down.
pub(crate) async fn until_there<T, F: Future<Output = Result<T, String>>>(
    house: &House,
    check: &Check,
    ask: impl Fn() -> F,
) -> Option<T> {
    loop {
        let answer = tokio::select! {
            answer = ask() => answer,
            () = house.shutdown.cancelled() => return None,
        };
        match answer {
            Ok(found) => {
                check.ok();
                return Some(found);
            }
            Err(why) => check.fail(why),
        }
        if over(house, AGAIN).await {
            return None;
        }
    }
}

/// Waits until our schemas are registered. Once seen they stay: nothing of ours takes a schema away.
pub(crate) async fn schemas(house: House, check: Check, registry: wire::Registry) -> Result<(), BoxError> {
    until_there(&house, &check, || async { registry.ready().await.map_err(|error| error.to_string()) }).await;
    Ok(())
}

/// Waits until the topics are there, `topic` and that of the dead letters; `letters` learns how many partitions its own
/// has. False: the house shuts down.
pub(crate) async fn topics(
    house: &House,
    check: &Check,
    settings: &bus::Settings,
    (topic, letters): (&str, &Letters),
) -> Result<bool, BoxError> {
    let admin = bus::Admin::new(settings)?;
    let dead = bus::dead::topic(SERVICE);
    let ask = || async {
        let wanted = [topic, &dead];
        let states = admin.partitions(&wanted).await.map_err(|error| error.to_string())?;
        for name in wanted {
            if !states.iter().any(|state| state.name == name) {
                return Err(format!("topic {name} is missing: run `okr-router topics apply`"));
            }
        }
        let found = states.iter().find(|state| state.name == *dead);
        Ok(found.and_then(|state| i32::try_from(state.partitions.len()).ok()).unwrap_or_default())
    };
    let partitions = until_there(house, check, ask).await;
    partitions.into_iter().for_each(|partitions| letters.learn(partitions));
    Ok(partitions.is_some())
}

/// Watches whether Kafka lets us do what we have to.
pub(crate) async fn rights(house: House, check: Check, settings: bus::Settings) -> Result<(), BoxError> {
    let rights = bus::Rights::new(&settings, SERVICE)?;
    let mut is_told = false;
    loop {
        let looked = rights.look(RIGHTS_WAIT).await.map(|standing| standing.refusal());
        is_told |= looked.is_ok();
        judge(&check, looked, is_told);
        if over(&house, RIGHTS_EVERY).await {
            return Ok(());
        }
    }
}

fn judge(check: &Check, looked: Result<Option<String>, BusError>, is_told: bool) {
    match looked {
        Ok(Some(why)) => check.fail(why),
        Ok(None) => check.ok(),
        Err(error @ BusError::Refused(_)) => {
            check.fail(format!("what may be done on the cluster is not told: {error}"));
        }
        // Whether Kafka answers is said by the consumers, who take longer to find out at the beginning.
        Err(error) if !is_told => check.fail(error.to_string()),
        Err(_) => {}
    }
}

/// Watches whether the store answers. At its first answer, and when the destinations are others, rows for destinations
/// that are not configured any more are named.
pub(crate) async fn store(
    house: House,
    check: Check,
    store: Arc<Store>,
    mut configured: Receiver<HashSet<String>>,
) -> Result<(), BoxError> {
    let depths = || async { store.depths(SERVICE).await.map_err(|error| error.to_string()) };
    let Some(depths) = until_there(&house, &check, depths).await else { return Ok(()) };
    orphans(&depths, &configured.borrow_and_update()).into_iter().for_each(observe::orphaned);
    while !over(&house, STORE_EVERY).await {
        if configured.has_changed().unwrap_or(false)
            && let Ok(depths) = store.depths(SERVICE).await
        {
            orphans(&depths, &configured.borrow_and_update()).into_iter().for_each(observe::orphaned);
        }
        match store.ping().await {
            Ok(()) => check.ok(),
            Err(error) => check.fail(error.to_string()),
        }
    }
    Ok(())
}

/// Targets with rows that nobody delivers: their destination has been taken out of the configuration.
pub(crate) fn orphans<'a>(depths: &'a [Depth], configured: &HashSet<String>) -> Vec<&'a Depth> {
    depths.iter().filter(|depth| depth.rows > 0 && !configured.contains(&depth.target)).collect()
}

/// Waits; true when the house shuts down meanwhile.
async fn over(house: &House, pause: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        () = house.shutdown.cancelled() => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_rights_are_not_told_shows_at_the_beginning_and_a_refusal_always() {
        let health = boot::Health::new();
        let check = health.check("rights");
        let why = || health.report().checks["rights"].why.clone().unwrap_or_default();
        judge(&check, Err(BusError::Login("wrong password".to_owned())), false);
        assert!(why().contains("wrong password"));
        judge(&check, Ok(None), true);
        judge(&check, Err(BusError::Login("wrong password".to_owned())), true);
        assert!(health.is_ready(), "the consumers say it");
        judge(&check, Err(BusError::Refused("ClusterAuthorizationFailed".to_owned())), true);
        assert!(why().contains("ClusterAuthorizationFailed"));
    }
}
