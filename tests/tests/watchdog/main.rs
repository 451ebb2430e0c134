//! A consumer that silently stopped, in a real process on real Kafka: its fetches vanish on the way to the broker, while
//! everything else it says, its heartbeats too, goes through. Nothing but the watchdog can tell.

mod gag;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use okr_tests::{FakeHttp, Kafka, Sender, Stack, World, check_in, free_port, registry, sign, until};

use gag::Gag;

/// Within this a silent stop must show.
const NOTICED: Duration = Duration::from_secs(30);
const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_whose_fetches_vanish_is_noticed_and_replaced() -> Result<()> {
    let way = free_port();
    let (kafka, registry) = tokio::try_join!(Kafka::own_behind(way), registry())?;
    let gag = Gag::start(way, kafka.address()).await?;
    let receiver = FakeHttp::start()?;
    let secret = sign::whsec(b"the key of acme in this test....");
    let stack = Stack::new(World {
        broker: format!("127.0.0.1:{way}"),
        registry: registry.url().to_owned(),
        sections: sections(&receiver),
        env: vec![("ACME_SECRET".into(), secret.clone())],
        ..World::default()
    })?;
    stack.prepare().await?;
    let (_gateway, notifier) = tokio::try_join!(stack.role("gateway"), stack.role("notifier"))?;
    let sender = Sender::new(stack.gateway("/in/acme"), secret)?;
    sender.accepted("msg-0", &check_in("team", "before", 0)).await?;
    receiver.wait_for(1, SOON).await?;

    // Everybody who has fetched so far is silenced; who joins anew is not.
    let silenced = gag.silence_all();
    ensure!(silenced > 0, "nobody has fetched through the gag");
    for number in 1..4 {
        sender.accepted(&format!("msg-{number}"), &check_in("team", "after", number)).await?;
    }
    let began = Instant::now();
    let said = until("a watchdog that barks", NOTICED, async || {
        let said = notifier.readyz().await.ok()?;
        (said.status == 503 && said.text().contains("and do not come")).then(|| said.text())
    })
    .await?;
    let took = began.elapsed();
    ensure!(said.contains("records wait in okr.events/"), "{said}");
    ensure!(gag.swallowed() > 0, "the fetches went through");
    let alarms = notifier.metric("okr_worker_watchdog_alarms_total", "reason=\"not_fetching\"").await?;
    ensure!(alarms >= 1.0, "no alarm was counted");
    println!("noticed after {took:?}");

    // The new member heals it with nobody's help.
    receiver.wait_for(4, SOON).await?;
    notifier.ready_within(SOON).await?;
    let status = notifier.metric_if("okr_consumer_status", "group=\"okr.notifier\"").await?;
    ensure!(status == Some(0.0), "the partitions are well again, not {status:?}");
    let ids: std::collections::BTreeSet<String> =
        receiver.seen().iter().map(|seen| seen.header("okr-effect-id").to_owned()).collect();
    ensure!((ids.len(), receiver.count()) == (4, 4), "each once: {ids:?}");
    Ok(())
}

fn sections(receiver: &FakeHttp) -> String {
    format!(
        r#"
[departments]
partitions = 2
[sources.acme]
kind = "standard-webhooks"
secrets = [{{ env = "ACME_SECRET" }}]
[destinations.desk]
kind = "http"
url = "{}"
rate = "none"
[[routes]]
name = "all"
to = ["desk"]
"#,
        receiver.url("/desk")
    )
}
