//! A source that a person has paused.

use super::{OKR, Stage, entrances, source, stage};
use sources::{Source, SourceConfig};

/// The open source beside one that is like it, paused or not.
fn exchange(stage: &Stage, is_paused: bool) {
    let section = format!("kind = \"okr\"\nverify = {{ scheme = \"none\" }}\npaused = {is_paused}");
    let tried = Source::build("tried", &toml::from_str::<SourceConfig>(&section).unwrap()).unwrap();
    let set = entrances(vec![tried, source("open")], boot::system_clock());
    stage.door.entrances().exchange(set);
}

async fn post(stage: &Stage, name: &str) -> super::client::Reply {
    super::client::post(stage.address, &format!("/in/{name}"), &[], OKR).await
}

#[tokio::test]
async fn a_paused_source_keeps_nothing_and_says_when_to_come_again() {
    let stage = stage().await;
    exchange(&stage, true);
    let reply = post(&stage, "tried").await;
    reply.check_problem(503);
    assert_eq!(reply.header("retry-after"), Some("60"));
    assert_eq!(reply.json()["reason"], "paused");
    post(&stage, "tried/batch").await.check_problem(503);
    assert_eq!(stage.log.count(), 0);
    assert_eq!(post(&stage, "open").await.status, 202, "nobody else is");
    let get = super::client::request(stage.address, "GET", "/in/tried", &[], b"").await;
    get.check_problem(405);
    exchange(&stage, false);
    assert_eq!(post(&stage, "tried").await.status, 202);
}
