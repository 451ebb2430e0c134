//! The harness itself: servers come up clean, survive what tests do to them, and die with the test.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bus::{OutRecord, Producer, Settings};
use okr_tests::{Answer, FakeHttp, FakeSlack, Kafka, Python, broker_answers, kafka, post, registry, sign};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_killed_broker_comes_back_with_its_topics() -> Result<()> {
    let mut kafka = Kafka::own().await?;
    let topics = "org.apache.kafka.tools.TopicCommand";
    kafka.tool(topics, &["--create", "--topic", "kept", "--partitions", "3"]).await?;
    kafka.kill9()?;
    assert!(!broker_answers(kafka.address()).await, "a killed broker answers");
    kafka.restart().await?;
    assert_eq!(kafka.tool(topics, &["--list"]).await?.trim(), "kept");
    kafka.pause()?;
    assert!(!broker_answers(kafka.address()).await, "a paused broker answers");
    kafka.resume()?;
    assert!(broker_answers(kafka.address()).await, "a resumed broker does not answer");
    kafka.stop().await
}

#[tokio::test]
async fn the_shared_registry_speaks_the_confluent_api() -> Result<()> {
    let registry = registry().await?;
    let schema = serde_json::json!({ "schema": r#"{"type":"record","name":"harness","fields":[]}"# });
    let url = format!("{}/subjects/harness-value/versions", registry.url());
    let reply = post(&url, &[], schema.to_string()).await?;
    assert!(reply.json()["id"].is_u64(), "{reply:?}");
    Ok(())
}

#[tokio::test]
async fn a_fake_receiver_records_before_it_answers() -> Result<()> {
    let fake = FakeHttp::start()?;
    let all = [Answer::TooMany(7), Answer::Status(500, "no"), Answer::Close, Answer::Hang(SECOND / 10)];
    fake.next("/hook", all);
    let url = fake.url("/hook");
    let first = post(&url, &[], "1").await?;
    assert_eq!((first.status, first.header("retry-after")), (429, "7"));
    assert_eq!(post(&url, &[], "2").await?.status, 500);
    assert!(post(&url, &[], "3").await.is_err(), "closed without an answer");
    let begin = Instant::now();
    assert!(post(&url, &[], "4").await.is_err(), "hung without an answer");
    assert!(begin.elapsed() >= SECOND / 10, "it closed at once");
    assert_eq!(post(&url, &[], "5").await?.text(), "ok");
    let bodies: Vec<_> = fake.wait_for(5, SECOND).await?.into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, ["1", "2", "3", "4", "5"]);
    Ok(())
}

#[tokio::test]
async fn a_fake_slack_tells_the_texts_it_accepted() -> Result<()> {
    let slack = FakeSlack::start()?;
    slack.next(&FakeSlack::path("sales"), [Answer::Status(500, "no")]);
    for text in ["lost", "kept"] {
        post(&slack.hook("sales"), &[], serde_json::json!({ "text": text }).to_string()).await?;
    }
    assert_eq!(slack.wait_for_texts("sales", 1, SECOND).await?, ["kept"]);
    assert!(slack.wait_for_texts("engineering", 1, SECOND / 10).await.is_err());
    Ok(())
}

#[tokio::test]
async fn our_independent_signature_is_the_one_of_the_python_library() -> Result<()> {
    let secret = sign::whsec(b"a key of at least twenty-four bytes");
    let body = r#"{"type":"key_result.checked_in"}"#;
    let now = sign::now();
    let mut ours = sign::standard_webhooks(&secret, "msg_1", now, body.as_bytes())?;
    let mut theirs = Python::sign(&secret, "msg_1", now, body).await?;
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
    Ok(())
}

#[tokio::test]
async fn the_python_reader_decodes_what_the_registry_explains() -> Result<()> {
    let (kafka, registry) = (kafka().await?, registry().await?);
    kafka.tool("org.apache.kafka.tools.TopicCommand", &["--create", "--topic", "framed"]).await?;
    let schema = r#"{"type":"record","name":"framed","fields":[{"name":"word","type":"string"}]}"#;
    let url = format!("{}/subjects/framed-value/versions", registry.url());
    let reply = post(&url, &[], serde_json::json!({ "schema": schema }).to_string()).await?.json();
    let id = u32::try_from(reply["id"].as_u64().context("an id")?)?;
    let frame = [&[0], id.to_be_bytes().as_slice(), &[4], b"hi"].concat();
    let producer = Producer::new(&Settings::new(vec![kafka.address().into()], "harness"), 20 * SECOND)?;
    let mut record = OutRecord {
        topic: "framed".into(),
        partition: 0,
        key: Some("k".into()),
        value: Some(frame.into()),
        headers: Default::default(),
    };
    record.headers.push("h", "v");
    producer.send(record).await?;
    let read = Python::read(kafka.address(), registry.url(), "framed", 1).await?;
    assert_eq!(
        (&read[0]["value"]["word"], &read[0]["key"], &read[0]["headers"]["h"]),
        (&"hi".into(), &"k".into(), &"v".into())
    );
    Ok(())
}
