//! The registry at its worst: late, ignorant, broken and gone.

use std::time::Instant;

use super::*;
use crate::{OKR_EVENT, WireError, frame};

async fn registered() -> (fake::Fake, Registry) {
    let fake = fake::Fake::start().await;
    let registry = client(&fake.url);
    registry.register().await.unwrap();
    (fake, registry)
}

#[tokio::test]
async fn an_unregistered_schema_names_the_command_and_passes_once_it_is_registered() {
    let fake = fake::Fake::start().await;
    let registry = client(&fake.url);
    let error = registry.ready().await.unwrap_err();
    assert!(error.to_string().contains("okr-router schemas register --apply"), "{error}");
    assert!(error.is_passing());
    assert_eq!(
        registry.encoder().event(&bare()).await.unwrap_err(),
        WireError::Unregistered("okr.events-value")
    );
    assert_eq!(fake.inside().subjects.len(), 0, "encoding registers nothing");
    registry.register().await.unwrap();
    registry.ready().await.unwrap();
    registry.encoder().event(&bare()).await.unwrap();
}

#[tokio::test]
async fn once_the_ids_are_known_the_registry_may_go_away() {
    let (fake, registry) = registered().await;
    registry.ready().await.unwrap();
    let frame = registry.encoder().event(&bare()).await.unwrap();
    let decoder = registry.decoder();
    decoder.event(&frame).await.unwrap();
    fake.inside().broken = Some((500, ""));
    let calls = fake.inside().calls.len();
    registry.ready().await.unwrap();
    assert_eq!(registry.encoder().event(&bare()).await.unwrap(), frame);
    decoder.event(&frame).await.unwrap();
    decoder.clone().event(&frame).await.unwrap();
    assert_eq!(fake.inside().calls.len(), calls, "nobody was asked");
}

#[tokio::test]
async fn an_id_that_becomes_known_during_the_grace_is_waited_for() {
    let (fake, registry) = registered().await;
    let frame = registry.encoder().event(&bare()).await.unwrap();
    fake.inside().hidden.insert(1);
    let reveal = async {
        while fake.calls("GET /schemas/ids/1") < 2 {
            tokio::task::yield_now().await;
        }
        fake.inside().hidden.clear();
    };
    let decoder = client_with(&fake.url, PATIENCE).decoder();
    let both = async { tokio::join!(decoder.event(&frame), reveal) };
    let (event, ()) = tokio::time::timeout(PATIENCE, both).await.expect("the id is asked for twice");
    assert_eq!(event.unwrap(), bare());
}

#[tokio::test]
async fn an_id_that_stays_unknown_is_given_up_after_the_grace_and_found_when_it_comes_later() {
    let (fake, registry) = registered().await;
    let frame = registry.encoder().event(&bare()).await.unwrap();
    fake.inside().hidden.insert(1);
    let decoder = registry.decoder();
    let start = Instant::now();
    let error = decoder.event(&frame).await.unwrap_err();
    assert_eq!((error.reason(), error.is_passing()), ("unknown_schema_id", false));
    assert!(start.elapsed() >= GRACE);

    let calls = fake.inside().calls.len();
    assert_eq!(decoder.event(&frame).await, Err(WireError::UnknownId(1)));
    assert!(fake.inside().calls.len() <= calls + 1, "the next record of this id does not wait again");

    fake.inside().hidden.clear();
    let found = async {
        loop {
            match decoder.event(&frame).await {
                Err(WireError::UnknownId(1)) => tokio::task::yield_now().await,
                other => break other,
            }
        }
    };
    let found =
        tokio::time::timeout(PATIENCE, found).await.expect("not knowing an id is never kept for ever");
    assert_eq!(found.unwrap(), bare());
}

#[tokio::test]
async fn many_records_of_one_unknown_id_do_not_become_many_questions() {
    let (fake, registry) = registered().await;
    let decoder = registry.decoder();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let decoder = decoder.clone();
        waiting.spawn(async move { decoder.event(&[0, 0, 0, 0, 99, 0]).await });
    }
    for result in waiting.join_all().await {
        assert_eq!(result, Err(WireError::UnknownId(99)));
    }
    let calls = fake.calls("GET /schemas/ids/99");
    assert!(calls <= 200, "{calls} questions");
}

#[tokio::test]
async fn a_registry_that_fails_is_the_callers_to_wait_for() {
    let (fake, registry) = registered().await;
    let frame = registry.encoder().event(&bare()).await.unwrap();
    let decoder = registry.decoder();
    let failures = [
        (500, r#"{"error_code":50001,"message":"no"}"#),
        (500, ""),
        (503, "<html>"),
        (404, "<html>not a registry"),
        (401, r#"{"error_code":401,"message":"who are you"}"#),
        (429, ""),
        (200, "<html>sign in"),
    ];
    for failure in failures {
        fake.inside().broken = Some(failure);
        let error = decoder.event(&frame).await.unwrap_err();
        assert_eq!((error.reason(), error.is_passing()), ("registry_down", true), "{failure:?} is {error:?}");
        let error = client(&fake.url).ready().await.unwrap_err();
        assert_eq!(error.reason(), "registry_down", "{failure:?} is {error:?}");
    }
    fake.inside().broken = None;
    assert_eq!(decoder.event(&frame).await.unwrap(), bare());
}

#[tokio::test]
async fn a_registry_that_is_not_there_says_so_without_its_credentials() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let registry = client(&format!("http://me:s3cret@{address}/"));
    let error = registry.decoder().event(&[0, 0, 0, 0, 1, 0]).await.unwrap_err();
    assert_eq!(error.reason(), "registry_down");
    assert!(!format!("{error} {registry:?}").contains("s3cret"), "{error}");
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
    let error = registry.check().await.unwrap_err();
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_is_no_reason_to_wait() {
    let (fake, registry) = registered().await;
    let nonsense = fake.add("other-value", "{\"type\":\"nonsense\"}");
    let incomplete = fake.add("okr.events-value", &OKR_EVENT.replacen("\"note\"", "\"remark\"", 1));
    let error = registry.decoder().event(&frame::head(nonsense)).await.unwrap_err();
    assert_eq!((error.reason(), error.is_passing()), ("schema", false));
    let frame = registry.encoder().event(&full()).await.unwrap();
    let renamed = [&frame::head(incomplete)[..], &frame[5..]].concat();
    let event = registry.decoder().event(&renamed).await.unwrap();
    assert_eq!(event, OkrEvent { note: None, ..full() });
}

#[test]
fn only_http_addresses_are_registries() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for url in ["", "localhost:8081", "ftp://host/", "http://", "/apis"] {
        assert_eq!(Registry::new(url, GRACE).unwrap_err().reason(), "registry_url", "{url}");
    }
}
