//! The topic is deleted and made anew while many senders deliver; and nobody but `topics apply` makes one.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use okr_tests::{Kafka, Role, Sent, Setup, until};

use crate::{
    evidence::{nothing_is_lost, refusals_are_honest, topic},
    world::{SOON, World},
};

const SENDERS: u32 = 6;
const SHOWN_WITHIN: Duration = Duration::from_secs(10);

/// What holds: what is accepted of what began once the topic was away is in the new one; nothing that began and ended
/// while it was away is accepted. What was accepted before went with the old topic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_topic_is_missed_and_what_is_accepted_afterwards_is_in_the_new_one() -> Result<()> {
    // As a careless cluster would be: it creates whatever a client asks for, unless the client says otherwise.
    let setup = Setup { properties: "auto.create.topics.enable=true\n".to_owned(), ..Setup::default() };
    let world = World::on(setup).await?;
    let (gateway, notifier) = world.roles().await?;
    let load = world.sender.load(SENDERS, "deleted");
    load.more_accepted(200, SOON).await?;
    let gone = delete(&world.kafka, "okr.events").await?;
    says(&gateway, "okr.events").await?;
    let unready = gone.elapsed();
    // Each sender twice, and one more: of those that began when it was away, some have ended.
    load.more_refused(2 * SENDERS as usize + 1, SOON).await?;
    // Metadata are asked for all the while, by a gateway and a notifier, and by commands.
    for words in [["doctor", "--json"].as_slice(), &["topics", "plan"], &["tail", "--max", "1"]] {
        world.stack.command(words).await?;
    }
    ensure!(exists(&world.kafka, "okr.events").await?.is_none(), "somebody made it");

    let made = Instant::now();
    let applied = world.stack.command(&["topics", "apply"]).await?;
    ensure!(applied.code == 0, "{applied:?}");
    let back = Instant::now();
    gateway.ready_within(SHOWN_WITHIN).await?;
    let ready = back.elapsed();
    load.more_accepted(100, SOON).await?;
    let sent = load.stop().await;

    let log = topic(&world).await?;
    let since: Vec<&Sent> = sent.iter().filter(|sent| sent.began > gone).collect();
    let accepted = nothing_is_lost(since.iter().copied(), &log)?;
    let away = since.iter().filter(|sent| sent.began + sent.took < made);
    let (mut turned_away, mut promised) = (0, 0);
    away.for_each(|sent| *(if sent.is_accepted() { &mut promised } else { &mut turned_away }) += 1);
    ensure!(
        promised == 0 && turned_away > 0,
        "{promised} accepted and {turned_away} refused while it was away"
    );
    let (refused, longest) = refusals_are_honest(&sent)?;
    world.goes_on("after-deletion").await?;
    notifier.ready_within(SOON).await?;
    println!(
        "topic deleted: {accepted} accepted since, all in the new one, {refused} refused (the longest took {longest:.1?}), \
         none accepted of {turned_away} while it was away; unready after {unready:.1?}, ready {ready:.1?} after `topics apply`"
    );
    Ok(())
}

/// Roles that start without topics leave it so, and name the command.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_create_neither_topics_nor_schemas_even_where_the_broker_would() -> Result<()> {
    let setup = Setup { properties: "auto.create.topics.enable=true\n".to_owned(), ..Setup::default() };
    let registry = okr_tests::Apicurio::own().await?;
    let world = World::with(Kafka::own_as(setup).await?, registry.url())?;
    let (gateway, notifier) = (world.stack.start("gateway")?, world.stack.start("notifier")?);
    for role in [&gateway, &notifier] {
        says(role, "okr-router topics apply").await?;
        says(role, "okr-router schemas register --apply").await?;
    }
    let body = okr_tests::check_in("load", "kr", 1);
    let reply = world.sender.send("msg", &body).await?;
    ensure!(reply.status == 503, "{} {}", reply.status, reply.text());
    for name in [
        "okr.events",
        "okr.arrivals",
        "okr.dead.gateway",
        "okr.dead.notifier",
        "okr.replay.notifier",
        "okr.audit",
    ] {
        ensure!(exists(&world.kafka, name).await?.is_none(), "{name} was made");
    }
    let subjects = okr_tests::get(&format!("{}/subjects", registry.url())).await?;
    ensure!(subjects.json() == serde_json::json!([]), "{}", subjects.text());
    Ok(())
}

/// Deletes it, and gives when it was away: no answer of the broker knows it any more.
async fn delete(kafka: &Kafka, name: &str) -> Result<Instant> {
    kafka.tool("org.apache.kafka.tools.TopicCommand", &["--delete", "--topic", name]).await?;
    let gone = async || exists(kafka, name).await.ok().filter(Option::is_none);
    until("the end of the topic", SOON, gone).await?;
    Ok(Instant::now())
}

/// How many partitions it has, if it is there; asked of all topics, so that nothing could be made by asking.
async fn exists(kafka: &Kafka, name: &str) -> Result<Option<usize>> {
    let said = okr_tests::Python::run("topics.py", &[kafka.address()]).await?;
    let topics: serde_json::Value = serde_json::from_str(&said)?;
    Ok(topics[name].as_u64().and_then(|count| usize::try_from(count).ok()))
}

async fn says(role: &Role, words: &str) -> Result<()> {
    let look = async || {
        let reply = role.readyz().await.ok()?;
        (reply.status == 503 && reply.text().contains(words)).then_some(())
    };
    until(&format!("{words:?} in /readyz"), SHOWN_WITHIN, look).await
}
