//! What a service needs around its consumer, asked again until it is there: topics, rights, whatever else it names.

use std::future::Future;
use std::time::Duration;

use boot::{BoxError, Check, House};
use bus::BusError;

/// How often something that is not there is asked for.
const AGAIN: Duration = Duration::from_secs(2);
/// How often the broker is asked what we may do, and how long it may take to answer.
const RIGHTS_EVERY: Duration = Duration::from_secs(4);
const RIGHTS_WAIT: Duration = Duration::from_secs(3);

/// Turns the check to well once `ask` succeeds; until then it says why not. `None`: the house shuts down.
pub async fn until_there<T, F: Future<Output = Result<T, String>>>(
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

/// Waits until `topic` and the topic of the service's dead letters are there; how many partitions the latter has. `None`:
/// the house shuts down. A consumer that meets no topic would look for it again only minutes later.
pub async fn topics(
    house: &House,
    check: &Check,
    settings: &bus::Settings,
    (topic, service): (&str, &str),
) -> Result<Option<i32>, BoxError> {
    let admin = bus::Admin::new(settings)?;
    let dead = bus::dead::topic(service);
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
    Ok(until_there(house, check, ask).await)
}

/// Watches whether Kafka lets the role do what it has to, until the house shuts down.
pub async fn rights(
    house: House,
    check: Check,
    settings: bus::Settings,
    role: &'static str,
) -> Result<(), BoxError> {
    let rights = bus::Rights::new(&settings, role)?;
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

/// Waits; true when the house shuts down meanwhile.
pub async fn over(house: &House, pause: Duration) -> bool {
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
