//! Routes, templates and destinations change under load: each event is told once, by one set of routes.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result, ensure};
use okr_tests::{Answer, FakeHttp, Kafka, Seen, until};

use crate::world::{OLD, SOON, World, acme, ids, reload};

/// Impatient, for short tests; the breaker opens and closes at once.
const OUTBOX: &str = "[outbox]
schedule = [\"200ms\", \"500ms\"]
attempts_max = 500
lease = \"5s\"
poll = \"500ms\"
breaker = { pause = \"200ms\", pause_max = \"500ms\" }
";

/// Slack channels of these names, each with its address in a file, and one route to the last of them.
fn sections(channels: &[&str], words: &str) -> String {
    let channel = |name: &&str| {
        format!(
            "[destinations.{name}]\nkind = \"slack\"\nurl = {{ file = \"{name}.url\" }}\nrate = \"none\"\n"
        )
    };
    let destinations: String = channels.iter().map(channel).collect();
    let (acme, last) = (acme(&["old.key"]), channels[channels.len() - 1]);
    let template = format!("{words} {{{{ event.event_id }}}}");
    format!(
        "{acme}{OUTBOX}{destinations}[[routes]]\nname = \"all\"\nto = [\"{last}\"]\ntemplate = \"{template}\"\n"
    )
}

/// The words and the id of a message that was accepted.
fn message(seen: &Seen) -> Option<(String, String)> {
    let text = seen.json()["text"].as_str()?.to_owned();
    let (words, id) = text.split_once(' ')?;
    seen.accepted().then(|| (words.to_owned(), id.to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_routes_templates_and_destinations_lose_and_repeat_no_message() -> Result<()> {
    let (kafka, receiver) = (Kafka::own().await?, FakeHttp::start()?);
    let world = World::bare(kafka.address(), okr_tests::registry().await?.url(), "")?;
    for name in ["desk", "lounge", "annex"] {
        std::fs::write(world.stack.folder().join(&format!("{name}.url")), receiver.url(&format!("/{name}")))?;
    }
    world.write(&sections(&["desk"], "one"))?;
    world.stack.prepare().await?;
    let (gateway, notifier) = tokio::try_join!(world.stack.role("gateway"), world.stack.role("notifier"))?;
    let load = world.sender("acme", OLD)?.load(8, "routes");
    let told = async |words: &'static str, path: &'static str| {
        let is_there = move |seen: &[Seen]| {
            seen.iter().any(|seen| seen.path == path && message(seen).is_some_and(|(said, _)| said == words))
        };
        receiver.wait_until(SOON, is_there).await.with_context(|| format!("no {words} at {path}"))
    };
    told("one", "/desk").await?;
    // Another template, another destination beside it, and the first one gone.
    let steps = [
        (&["desk"][..], "two", "/desk"),
        (&["desk", "lounge"], "three", "/lounge"),
        (&["annex"], "four", "/annex"),
    ];
    for (channels, words, path) in steps {
        load.more_accepted(50, SOON).await?;
        world.write(&sections(channels, words))?;
        reload(&notifier, "applied").await?;
        told(words, path).await?;
    }
    // The secret of a destination is another one.
    std::fs::write(world.stack.folder().join("annex.url"), receiver.url("/other"))?;
    reload(&notifier, "applied").await?;
    told("four", "/other").await?;
    // A destination that went with rows still planned: put back, it gets them.
    let sent = load.stop().await;
    let wanted = ids(&sent);
    ensure!(sent.iter().all(okr_tests::Sent::is_accepted), "a delivery was refused");
    world.write(&sections(&["desk", "lounge", "annex"], "five"))?;
    reload(&notifier, "applied").await?;
    let all = receiver.wait_until(SOON, |seen| {
        seen.len() >= wanted.len() && {
            let got: HashSet<String> = seen.iter().filter_map(message).map(|(_, id)| id).collect();
            wanted.iter().all(|id| got.contains(id))
        }
    });
    let all = all
        .await
        .with_context(|| format!("not all of {} messages came: {}", wanted.len(), notifier.tail()))?;
    let mut times = HashMap::new();
    all.iter().filter_map(message).for_each(|(_, id)| *times.entry(id).or_insert(0) += 1);
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    ensure!(repeated.is_empty(), "told more than once: {repeated:?}");
    for (words, path) in [("two", "/desk"), ("three", "/lounge")] {
        let strays =
            all.iter().filter(|seen| seen.path != path).filter_map(message).filter(|(said, _)| said == words);
        ensure!(strays.count() == 0, "{words} was told somewhere else than {path}");
    }
    ensure!(gateway.term(SOON).await? == 0 && notifier.term(SOON).await? == 0, "{}", notifier.tail());
    println!("5 reloads of the notifier under load: {} events, each of them told once", wanted.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_a_destination_that_is_taken_out_wait_visibly_for_its_return() -> Result<()> {
    let (kafka, receiver) = (Kafka::own().await?, FakeHttp::start()?);
    let world = World::bare(kafka.address(), okr_tests::registry().await?.url(), "")?;
    for name in ["desk", "lounge"] {
        std::fs::write(world.stack.folder().join(&format!("{name}.url")), receiver.url(&format!("/{name}")))?;
    }
    receiver.always("/desk", Answer::Status(503, "not now"));
    world.write(&sections(&["desk"], "one"))?;
    world.stack.prepare().await?;
    let (_gateway, notifier) = tokio::try_join!(world.stack.role("gateway"), world.stack.role("notifier"))?;
    let sender = world.sender("acme", OLD)?;
    sender.accepted("kept", &okr_tests::check_in("load", "kr-kept", 0)).await?;
    receiver.wait_for(1, SOON).await?;

    world.write(&sections(&["lounge"], "two"))?;
    reload(&notifier, "applied").await?;
    notifier.says("wait for the destination `desk`, which is not configured", SOON).await?;
    receiver.always("/desk", Answer::Ok("ok"));
    let depth = async || notifier.metric("okr_outbox_depth_rows", "target=\"desk\"").await.ok();
    until("the waiting row in the metrics", SOON, async || depth().await.filter(|rows| *rows > 0.5)).await?;
    sender.accepted("goes-on", &okr_tests::check_in("load", "kr-other", 0)).await?;
    receiver.wait_until(SOON, |seen| seen.iter().any(|seen| seen.path == "/lounge")).await?;
    ensure!(notifier.readyz().await?.status == 200, "{}", notifier.readyz().await?.text());
    let tried = receiver.seen().iter().filter(|seen| seen.path == "/desk" && seen.accepted()).count();
    ensure!(tried == 0, "it was told at a destination that is configured no more");

    world.write(&sections(&["desk", "lounge"], "three"))?;
    reload(&notifier, "applied").await?;
    let came = |seen: &[Seen]| {
        seen.iter().any(|seen| seen.path == "/desk" && message(seen).is_some_and(|(said, _)| said == "one"))
    };
    receiver
        .wait_until(SOON, came)
        .await
        .context("the row did not go on, in the words it was planned with")?;
    Ok(())
}
