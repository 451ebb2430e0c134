use super::*;

const LONG: Duration = Duration::from_secs(60);

fn house() -> House {
    House::new(system_clock())
}

#[tokio::test]
async fn a_role_is_ready_once_it_has_started_and_every_check_is_well() {
    let house = house();
    let (broker, inside) = (house.health.check("broker"), house.clone());
    let watched = house.clone();
    let ending = live(&house, LONG, |house| async move {
        assert_eq!(house.report().checks["start"].why.as_deref(), Some("starting"));
        house.tasks.spawn("work", async move {
            while !inside.health.report().checks["start"].ok {
                tokio::task::yield_now().await;
            }
            assert!(!watched.report().ready, "the broker has not been heard of");
            broker.ok();
            assert!(watched.report().ready);
            broker.fail("gone");
            assert_eq!(watched.report().checks["broker"].why.as_deref(), Some("gone"));
            broker.ok();
            watched.shutdown.cancel();
            assert!(!watched.report().ready, "who is stopping is not ready");
            Ok(())
        });
        Ok(())
    });
    assert_eq!(ending.await, Ending::Well);
}

#[tokio::test]
async fn a_start_that_fails_stops_what_it_had_started() {
    let house = house();
    let ending = live(&house, LONG, |house| async move {
        let shutdown = house.shutdown.clone();
        house.tasks.spawn("early", async move {
            shutdown.cancelled().await;
            Ok(())
        });
        Err("no broker".into())
    });
    assert_eq!(ending.await, Ending::Failed);
    assert_eq!(house.tasks.failed(), ["start"]);
}

#[tokio::test]
async fn a_start_that_hangs_is_given_up_when_the_role_is_to_stop() {
    let house = house();
    house.shutdown.cancel();
    assert_eq!(live(&house, LONG, |_| std::future::pending()).await, Ending::Well);
}

#[tokio::test]
async fn a_role_whose_tasks_all_ended_ends() {
    let house = house();
    let ending = live(&house, LONG, |house| async move {
        house.tasks.spawn("one-off", async { Ok(()) });
        Ok(())
    });
    assert_eq!(ending.await, Ending::Well);
    assert!(house.shutdown.is_cancelled());
}

#[tokio::test]
async fn a_failure_while_stopping_still_counts() {
    let house = house();
    let ending = live(&house, LONG, |house| async move {
        let shutdown = house.shutdown.clone();
        house.tasks.spawn("last commit", async move {
            shutdown.cancelled().await;
            Err("not committed".into())
        });
        house.shutdown.cancel();
        Ok(())
    });
    assert_eq!(ending.await, Ending::Failed);
}

#[tokio::test]
async fn who_is_still_running_after_the_grace_is_named() {
    let house = house();
    house.shutdown.cancel();
    house.tasks.spawn("stuck", std::future::pending());
    assert_eq!(live(&house, Duration::ZERO, |_| async { Ok(()) }).await, Ending::Overrun(vec!["stuck"]));
}

#[test]
fn a_check_asked_for_twice_is_one_check() {
    let health = Health::new();
    health.check("store").ok();
    let again = health.check(String::from("store"));
    assert!(health.is_ready());
    again.fail("full");
    assert!(!health.is_ready());
    health.check("store").ok();
    let report = serde_json::to_value(health.report()).unwrap();
    assert_eq!(report, serde_json::json!({ "ready": true, "checks": { "store": { "ok": true } } }));
}
