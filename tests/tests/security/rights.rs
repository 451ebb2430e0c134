//! The least rights of each role: with exactly these it works, and without any one of them it says which one it lacks.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use okr_tests::{Done, Python, Role, nothing_is_lost, refusals_are_honest, until};
use serde_json::{Value, json};

use crate::world::{DEADLINE, SHOWN_WITHIN, SOON, Secure, World, ends, secure};

/// A right, as `okr-router topics acls --json` prints it.
type Right = Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_these_rights_are_enough_and_each_one_is_missed() -> Result<()> {
    let (secure, _turn) = secure().await?;
    let world = World::new(secure.sasl, &secure.password("PLAIN", "okr")).await?;
    let printed = world.stack.command(&["topics", "acls", "--json"]).await?;
    let rights: Vec<Right> = serde_json::from_str(&printed.stdout).context(printed.stderr)?;
    change(secure, "add", &rights).await?;
    let registered = world.stack.command(&["schemas", "register", "--apply"]).await?;
    ensure!(registered.code == 0, "{registered:?}");
    commands_need_theirs(secure, &world, &rights).await?;
    forgetting_needs_to_see_configs(secure, &world, &rights).await?;

    let (gateway, notifier) = (start(&world, "gateway")?, start(&world, "notifier")?);
    gateway.ready_within(SOON).await?;
    notifier.ready_within(SOON).await?;
    world.goes_on("kr-rights").await?;
    let doctor =
        as_user(&world, "doctor", &["doctor", "--json", "--set", "admin.listen=127.0.0.1:1"]).await?;
    let found: Vec<Value> = serde_json::from_str(&doctor.stdout)?;
    let of_kafka = ["broker", "topics", "groups"];
    let ill = |row: &&Value| {
        let check = row["check"].as_str().unwrap_or_default();
        row["level"] != "well"
            && (of_kafka.contains(&check) || check.starts_with("topic ") || check.starts_with("group "))
    };
    ensure!(found.iter().find(ill).is_none(), "{found:#?}");

    let of = |role: &str| rights.iter().filter(|right| right["role"] == role).cloned().collect::<Vec<_>>();
    let (ours, theirs) = (of("gateway"), of("notifier"));
    let load = world.sender.load(3, "rights");
    load.more_accepted(20, SOON).await?;
    ensure!(ours.len() == 8 && theirs.len() == 5, "{ours:?} {theirs:?}");
    for number in 0..ours.len().max(theirs.len()) {
        let mut taken: HashMap<&str, &Right> = HashMap::new();
        taken.extend(ours.get(number).map(|right| ("gateway", right)));
        taken.extend(theirs.get(number).map(|right| ("notifier", right)));
        let gone: Vec<Right> = taken.values().map(|&right| right.clone()).collect();
        change(secure, "remove", &gone).await?;
        for (role, process) in [("gateway", &gateway), ("notifier", &notifier)] {
            if let Some(right) = taken.get(role) {
                misses(process, right).await?;
            }
        }
        change(secure, "add", &gone).await?;
        tokio::try_join!(gateway.ready_within(SHOWN_WITHIN), notifier.ready_within(SHOWN_WITHIN))?;
        world.goes_on(&format!("kr-rights-{number}")).await?;
    }
    let sent = load.stop().await;
    let log = Python::log(secure.kafka.address(), okr_tests::registry().await?.url(), "okr.events").await?;
    let accepted = nothing_is_lost(&sent, &log)?;
    let (refused, longest) = refusals_are_honest(&sent, DEADLINE)?;
    ensure!(refused > 0, "the senders did not notice");
    println!(
        "rights: {accepted} accepted and on the topic, {refused} refused (the longest took {longest:.1?})"
    );
    ends(gateway).await?;
    ends(notifier).await
}

/// Its readiness names the right, and how to give it.
async fn misses(process: &Role, right: &Right) -> Result<()> {
    let text = |field: &str| right[field].as_str().unwrap_or_default().to_owned();
    let named = format!("{} {} {}", text("operation"), text("resource"), text("name"));
    let remedy = format!("okr-router topics acls --role {}", text("role"));
    let said = async || {
        let reply = process.readyz().await.ok()?;
        let words = reply.text();
        (reply.status == 503 && words.contains(&named) && words.contains(&remedy)).then_some(())
    };
    let shown = until(&named, SHOWN_WITHIN, said).await;
    let last = process.readyz().await.map(|reply| reply.text()).unwrap_or_default();
    shown.with_context(|| format!("/readyz says {last}"))?;
    println!("without {named}: {last}");
    Ok(())
}

/// `topics apply` creates all topics with the rights of `setup`; of each command one right is taken, and it says so.
async fn commands_need_theirs(secure: &Secure, world: &World, rights: &[Right]) -> Result<()> {
    let applied = as_user(world, "setup", &["topics", "apply"]).await?;
    ensure!(applied.code == 0, "{applied:?}");
    let cases: [(&str, &str, &str, &[&str]); 3] = [
        ("operator", "okr.dead.notifier", "Read", &["dead", "list"]),
        ("setup", "okr.events", "AlterConfigs", &["topics", "plan"]),
        ("doctor", "okr.audit", "Describe", &["doctor"]),
    ];
    for (role, topic, operation, words) in cases {
        let is_it = |right: &&Right| {
            right["role"] == role && right["name"] == topic && right["operation"] == operation
        };
        let right = rights.iter().find(is_it).with_context(|| format!("{role} {topic}"))?;
        let well = as_user(world, role, words).await?;
        ensure!(
            !well.stdout.contains("uthorization") && !well.stderr.contains("uthorization"),
            "{role}: {well:?}"
        );
        change(secure, "remove", std::slice::from_ref(right)).await?;
        let missed = async || {
            let done = as_user(world, role, words).await.ok()?;
            let said = format!("{}{}", done.stdout, done.stderr);
            (done.code != 0 && said.contains(topic) && said.contains("uthorization failed")).then_some(said)
        };
        let shown = until(&format!("{words:?} without {operation} on {topic}"), SOON, missed).await;
        let last = as_user(world, role, words).await?;
        let said = shown.with_context(|| format!("{last:?}"))?;
        println!("{words:?} without {operation} on {topic}: {}", said.lines().last().unwrap_or_default());
        change(secure, "add", std::slice::from_ref(right)).await?;
    }
    Ok(())
}

/// `warehouse forget` says until when Kafka holds a person's records, and whose right is missing where it cannot.
async fn forgetting_needs_to_see_configs(secure: &Secure, world: &World, rights: &[Right]) -> Result<()> {
    let migrated = as_user(world, "operator", &["warehouse", "migrate", "--apply"]).await?;
    ensure!(migrated.code == 0, "{migrated:?}");
    let words = ["warehouse", "forget", "--person", "nobody@example.org"];
    let well = as_user(world, "operator", &words).await?;
    ensure!(well.code == 0 && well.stdout.contains("okr.events"), "{well:?}");
    let is_it = |right: &&Right| {
        right["role"] == "operator"
            && right["name"] == "okr.events"
            && right["operation"] == "DescribeConfigs"
    };
    let right = rights.iter().find(is_it).context("no right to see configs")?;
    change(secure, "remove", std::slice::from_ref(right)).await?;
    let said = async || {
        let done = as_user(world, "operator", &words).await.ok()?;
        let names = ["not known", "okr.events", "DescribeConfigs", "topics acls --role operator"];
        (done.code == 0 && names.iter().all(|word| done.stderr.contains(word))).then_some(())
    };
    let shown = until("which right is missing", SOON, said).await;
    let last = as_user(world, "operator", &words).await?;
    shown.with_context(|| format!("{last:?}"))?;
    change(secure, "add", std::slice::from_ref(right)).await
}

/// Each role comes by a user of its own.
fn start(world: &World, role: &str) -> Result<Role> {
    world.stack.start_with(role, &[("OKR_ROUTER__KAFKA__SECURITY__USERNAME", &format!("okr-{role}"))])
}

async fn as_user(world: &World, role: &str, words: &[&str]) -> Result<Done> {
    let user = format!("kafka.security.username=okr-{role}");
    world.stack.command(&[words, &["--set", &user]].concat()).await
}

/// Adds or removes rights, as somebody who may.
async fn change(secure: &Secure, verb: &str, rights: &[Right]) -> Result<()> {
    let rows = json!(rights).to_string();
    Python::run("acls.py", &[secure.kafka.address(), verb, &rows]).await?;
    Ok(())
}
