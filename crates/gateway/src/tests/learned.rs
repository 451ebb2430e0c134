//! A source that brings its secrets itself, over real HTTP.

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use jiff::Timestamp;
use serde_json::json;
use sources::{Source, SourceConfig};
use store::Registrations;

use super::{
    Stage,
    client::{Reply, post},
    config, entrances,
    log::{Act, Fake},
    memory::{Brittle, key},
    stage_of,
};
use crate::{GatewayConfig, door::Door, registrar::SECRETS_MAX};

const ONE: &str = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";
const OTHER: &str = "0537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e80";
const MOVED: &[u8] = br#"{"events":[
    {"action":"changed","created_at":"2026-02-03T10:15:00.000Z","user":{"gid":"12","resource_type":"user"},"resource":{"gid":"77","resource_type":"goal"}},
    {"action":"deleted","resource":{"gid":"78","resource_type":"goal"}},{"action":"added","resource":{"gid":"5","resource_type":"task"}}]}"#;
const HEARTBEAT: &[u8] = br#"{"events":[]}"#;

fn asana(name: &str, rest: &str) -> Source {
    let section = format!("kind = \"asana\"\n{rest}");
    Source::build(name, &toml::from_str::<SourceConfig>(&section).unwrap()).unwrap()
}

async fn gateway_with(config: GatewayConfig, memory: Option<&Arc<Brittle>>) -> Stage {
    let sources = vec![asana("goals", ""), asana("fixed", "secrets = [\"configured\"]")];
    let entrances = entrances(sources, boot::system_clock());
    stage_of(config, |config, desk| {
        let door = Door::new(config, entrances, desk, boot::system_clock());
        match memory {
            Some(memory) => door.with_memory(memory.recall(&[key('a')])),
            None => door,
        }
    })
    .await
}

async fn gateway(memory: &Arc<Brittle>) -> Stage {
    gateway_with(config(), Some(memory)).await
}

async fn shake(stage: &Stage, name: &str, secret: &str) -> Reply {
    let headers = [("x-hook-secret".to_owned(), secret.to_owned())];
    post(stage.address, &format!("/in/{name}"), &headers, b"{}").await
}

async fn send(stage: &Stage, name: &str, secret: &str, body: &[u8]) -> Reply {
    let signed = asana(name, &format!("secrets = [\"{secret}\"]")).sign(body, Timestamp::now());
    post(stage.address, &format!("/in/{name}"), &signed, body).await
}

async fn open(memory: &Brittle, name: &str) {
    memory.store.open_window(name, Duration::from_secs(600)).await.unwrap();
}

#[tokio::test]
async fn a_handshake_is_answered_while_a_person_waits_for_it_and_at_no_other_time() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    shake(&stage, "goals", ONE).await.check_problem(401);
    open(&memory, "fixed").await;
    shake(&stage, "goals", ONE).await.check_problem(401);

    open(&memory, "goals").await;
    let answer = shake(&stage, "goals", ONE).await;
    assert_eq!((answer.status, answer.header("x-hook-secret"), answer.text.as_str()), (200, Some(ONE), ""));
    let kept = memory.store.registered().await.unwrap().remove(1);
    assert_eq!((kept.source.as_str(), kept.secrets.len()), ("goals", 1));
    let sealed = String::from_utf8_lossy(&kept.secrets[0].0.bytes).into_owned();
    assert!(!sealed.contains(&ONE[..8]), "it is sealed");
    assert_eq!(shake(&stage, "goals", OTHER).await.status, 200, "a webhook has a secret of its own");
    assert_eq!(shake(&stage, "goals", ONE).await.status, 200, "again");

    memory.advance(601);
    shake(&stage, "goals", &ONE.replace('b', "c")).await.check_problem(401);
    for secret in [ONE, OTHER] {
        assert_eq!(send(&stage, "goals", secret, HEARTBEAT).await.status, 202);
    }
    send(&stage, "goals", &ONE.replace('b', "c"), HEARTBEAT).await.check_problem(401);
    assert_eq!(memory.store.registered().await.unwrap()[0].secrets.len(), 2);
}

#[tokio::test]
async fn what_is_no_handshake_to_the_letter_is_refused_in_the_window_too() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    open(&memory, "goals").await;
    let with = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let secret = with("x-hook-secret", ONE);
    let check = async |headers: &[(String, String)], body: &[u8], path: &str| {
        post(stage.address, path, headers, body).await.check_problem(401);
    };
    check(std::slice::from_ref(&secret), HEARTBEAT, "/in/goals").await;
    check(&[secret.clone(), secret.clone()], b"", "/in/goals").await;
    check(&[secret.clone(), with("x-hook-signature", "00")], b"", "/in/goals").await;
    check(&[with("x-hook-secret", "short")], b"", "/in/goals").await;
    check(std::slice::from_ref(&secret), b"{}", "/in/goals/batch").await;
    assert_eq!(memory.store.registered().await.unwrap()[0].secrets.len(), 0);
    assert_eq!(stage.log.count(), 0);
}

#[tokio::test]
async fn a_configured_secret_is_never_replaced() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    shake(&stage, "fixed", ONE).await.check_problem(401);
    send(&stage, "fixed", ONE, HEARTBEAT).await.check_problem(401);
    assert_eq!(send(&stage, "fixed", "configured", HEARTBEAT).await.status, 202);
    open(&memory, "fixed").await;
    assert_eq!(shake(&stage, "fixed", ONE).await.status, 200);
    for secret in [ONE, "configured"] {
        assert_eq!(send(&stage, "fixed", secret, HEARTBEAT).await.status, 202, "both count");
    }
    let alone = gateway_with(config(), None).await;
    shake(&alone, "fixed", ONE).await.check_problem(401);
    assert_eq!(send(&alone, "fixed", "configured", HEARTBEAT).await.status, 202, "it needs no store");
}

#[tokio::test]
async fn every_gateway_knows_what_one_has_learned_and_so_does_the_next_one() {
    let memory = Brittle::open().await;
    let (one, other) = (gateway(&memory).await, gateway(&memory).await);
    send(&other, "goals", ONE, HEARTBEAT).await.check_problem(401);
    open(&memory, "goals").await;
    assert_eq!(shake(&one, "goals", ONE).await.status, 200);
    assert_eq!(send(&other, "goals", ONE, HEARTBEAT).await.status, 202, "at once");
    let later = gateway(&memory).await;
    assert_eq!(send(&later, "goals", ONE, HEARTBEAT).await.status, 202, "after a restart");

    memory.store.forget("goals").await.unwrap();
    // Whoever looks again for any reason knows it; everybody does after a while.
    send(&other, "goals", OTHER, HEARTBEAT).await.check_problem(401);
    send(&other, "goals", ONE, HEARTBEAT).await.check_problem(401);
}

#[tokio::test]
async fn wrong_signatures_do_not_become_questions_to_the_store() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    let start = std::time::Instant::now();
    let sent = (0..200).map(|_| send(&stage, "goals", ONE, HEARTBEAT));
    for reply in futures::future::join_all(sent).await {
        reply.check_problem(401);
    }
    let (looks, bound) =
        (memory.looks.load(Ordering::SeqCst), 2 + start.elapsed().as_millis() as usize / 250);
    assert!(looks >= 1 && looks <= bound, "{looks} looks for 200 requests");
}

#[tokio::test]
async fn while_the_store_is_silent_what_is_known_counts_and_the_rest_comes_again() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    open(&memory, "goals").await;
    assert_eq!(shake(&stage, "goals", ONE).await.status, 200);
    memory.set_down(true);
    assert_eq!(send(&stage, "goals", ONE, HEARTBEAT).await.status, 202);
    let unknown = send(&stage, "goals", OTHER, HEARTBEAT).await;
    unknown.check_problem(503);
    assert!(unknown.header("retry-after").is_some());
    shake(&stage, "goals", OTHER).await.check_problem(503);
    memory.set_down(false);
    send(&stage, "goals", OTHER, HEARTBEAT).await.check_problem(401);
    assert_eq!(shake(&stage, "goals", OTHER).await.status, 200);
    assert_eq!(send(&stage, "goals", OTHER, HEARTBEAT).await.status, 202);
}

#[tokio::test]
async fn a_source_learns_no_more_than_it_may() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    open(&memory, "goals").await;
    let secret = |n: usize| format!("{n:064}");
    for n in 0..SECRETS_MAX {
        assert_eq!(shake(&stage, "goals", &secret(n)).await.status, 200);
    }
    shake(&stage, "goals", &secret(SECRETS_MAX)).await.check_problem(401);
    assert_eq!(shake(&stage, "goals", &secret(0)).await.status, 200, "one that it knows");
}

#[tokio::test]
async fn a_secret_is_sealed_anew_when_the_key_changes() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    open(&memory, "goals").await;
    assert_eq!(shake(&stage, "goals", ONE).await.status, 200);
    let with = async |keys: &[boot::Secret]| {
        let recall = memory.recall(keys);
        let registrar = recall.registrar.unwrap();
        registrar.look().await.unwrap();
        registrar.secrets("goals").len()
    };
    assert_eq!(with(&[key('b')]).await, 0, "another key opens nothing");
    assert_eq!(with(&[key('b'), key('a')]).await, 1, "the old one does");
    assert_eq!(with(&[key('b')]).await, 1, "and need not any more");
    assert_eq!(with(&[key('a')]).await, 0);
}

#[tokio::test]
async fn a_store_that_does_not_seal_anew_keeps_nobody_waiting() {
    let memory = Brittle::open().await;
    let stage = gateway(&memory).await;
    open(&memory, "goals").await;
    assert_eq!(shake(&stage, "goals", ONE).await.status, 200);
    memory.reseal_hangs.store(true, Ordering::SeqCst);
    let registrar = memory.recall(&[key('b'), key('a')]).registrar.unwrap();
    tokio::time::timeout(Duration::from_secs(30), registrar.look()).await.expect("it ends").unwrap();
    assert_eq!(registrar.secrets("goals").len(), 1, "it counts all the same");
}

#[tokio::test]
async fn what_moved_is_referred_to_once_its_arrival_is_kept() {
    for keep_arrivals in [true, false] {
        let stage = gateway_with(GatewayConfig { keep_arrivals, ..config() }, None).await;
        let answer = send(&stage, "fixed", "configured", MOVED).await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.json(), json!({"accepted": [], "duplicates": 0, "held": 0, "pending": 2}));
        let (arrivals, pendings) = (stage.log.records("okr.arrivals"), stage.log.records("okr.pending"));
        assert_eq!((arrivals.len(), pendings.len(), stage.log.count()), (1, 2, 3));
        assert_eq!(Fake::arrival(&arrivals[0]).body, MOVED);
        let read = Fake::pending_of(&pendings[0]);
        assert_eq!((read.object_type.as_str(), read.object_id.as_str()), ("goal", "77"));
        assert_eq!((read.change, read.actor.as_deref()), (okr::Change::Updated, Some("12")));
        assert_eq!((read.arrival_partition, read.arrival_offset), (arrivals[0].partition, 0));
        let key = format!("{}/{}", read.source, read.delivery_id);
        assert_eq!(arrivals[0].key.as_deref(), Some(key.as_bytes()));
        assert_eq!(pendings[0].key.as_deref(), Some(&b"fixed/goal/77"[..]));
        assert_eq!(pendings[0].headers.get_str("ce_type"), Some("okr.pending"));
        assert_eq!(pendings[0].headers.get_str("ce_id"), Some(format!("{key}#0").as_str()));
        assert_eq!(Fake::pending_of(&pendings[1]).change, okr::Change::Deleted);
        // The same bytes again are another delivery: whoever asks compares.
        assert_eq!(send(&stage, "fixed", "configured", MOVED).await.json()["pending"], 2);
        assert_eq!(stage.log.count(), 6);
    }
}

#[tokio::test]
async fn a_heartbeat_is_accepted_empty() {
    let stage = gateway_with(config(), None).await;
    let answer = send(&stage, "fixed", "configured", HEARTBEAT).await;
    assert_eq!(answer.json(), json!({"accepted": [], "duplicates": 0, "held": 0, "pending": 0}));
    assert_eq!((stage.log.records("okr.arrivals").len(), stage.log.count()), (1, 1));
}

#[tokio::test]
async fn no_reference_no_acceptance() {
    let stage = gateway_with(config(), None).await;
    for acts in
        [vec![Act::Fail(bus::SendError::Closed)], vec![Act::Ack, Act::Ack, Act::Fail(bus::SendError::Closed)]]
    {
        let sent = acts.len();
        acts.into_iter().for_each(|act| stage.log.then(act));
        send(&stage, "fixed", "configured", MOVED).await.check_problem(503);
        assert_eq!(stage.log.records("okr.pending").is_empty(), sent == 1, "first the arrival");
    }
}

#[tokio::test]
async fn thin_items_of_a_batch_are_referred_to_as_well() {
    let stage = gateway_with(config(), None).await;
    let body = [b"[", MOVED, b",", HEARTBEAT, b",1]"].concat();
    let signed = asana("fixed", "secrets = [\"configured\"]").sign(&body, Timestamp::now());
    let answer = post(stage.address, "/in/fixed/batch", &signed, &body).await.json();
    let told: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|item| (&item["pending"], &item["held"])).collect();
    let expected = [(json!(2), json!(0)), (json!(0), json!(0)), (json!(0), json!(1))];
    assert_eq!(told, expected.iter().map(|(pending, held)| (pending, held)).collect::<Vec<_>>());
    assert_eq!((stage.log.records("okr.pending").len(), stage.log.records("okr.arrivals").len()), (2, 3));
}
