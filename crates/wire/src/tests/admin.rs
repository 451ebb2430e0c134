//! What an operator does.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{ARRIVAL, AUDIT, FULL_TRANSITIVE, Fit, OKR_EVENT, PENDING, SUBJECTS, Standing};

#[tokio::test]
async fn a_new_registry_is_looked_at_without_a_change_and_then_filled() {
    let fake = fake::Fake::start().await;
    let registry = client(&format!("{}/", fake.url));
    let before = registry.check().await.unwrap();
    for (standing, subject) in before.iter().zip(SUBJECTS) {
        assert_eq!((standing.subject, standing.id, &standing.fit), (subject.name, None, &Fit::First));
        assert!(!standing.is_settled());
    }
    assert!(fake.inside().subjects.is_empty());

    let after = registry.register().await.unwrap();
    for (standing, id) in after.iter().zip([1, 2, 3, 4]) {
        assert_eq!((standing.id, &standing.fit), (Some(id), &Fit::Full));
        assert_eq!(standing.level.as_deref(), Some(FULL_TRANSITIVE));
        assert!(standing.is_settled());
    }
    assert_eq!(fake.inside().schemas, [OKR_EVENT, ARRIVAL, AUDIT, PENDING]);
}

#[tokio::test]
async fn registering_twice_adds_nothing() {
    let fake = fake::Fake::start().await;
    let registry = client(&fake.url);
    let first = registry.register().await.unwrap();
    assert_eq!(registry.register().await.unwrap(), first);
    assert_eq!(fake.calls("POST /subjects/okr.events-value/versions"), 1);
}

#[tokio::test]
async fn of_two_who_register_at_once_neither_fails() {
    let fake = fake::Fake::start().await;
    fake.inside().second = 1;
    let standings = client(&fake.url).register().await.unwrap();
    assert!(standings.iter().all(Standing::is_settled), "{standings:?}");
    fake.inside().second = 2;
    assert_eq!(client(&fake.url).set_level("okr.events-value", "NONE").await.unwrap_err().reason(), "schema");
}

#[tokio::test]
async fn an_earlier_version_stays_and_the_level_is_set_before_the_new_one_comes() {
    let fake = fake::Fake::start().await;
    let earlier = OKR_EVENT.replacen(", \"cancelled\"]", "]", 1);
    fake.add("okr.events-value", &earlier);
    let after = client(&fake.url).register().await.unwrap();
    assert_eq!((after[0].id, &after[0].fit), (Some(2), &Fit::Full));
    let calls = fake.inside().calls.clone();
    let at = |beginning: &str| calls.iter().position(|call| call.starts_with(beginning)).unwrap();
    assert!(at("PUT /config/okr.events-value") < at("POST /subjects/okr.events-value/versions"));
}

#[tokio::test]
async fn a_schema_that_does_not_fit_is_not_registered_and_neither_are_the_others() {
    let fake = fake::Fake::start().await;
    fake.add(
        "okr.events-value",
        r#"{"type":"record","name":"OkrEvent","fields":[{"name":"x","type":"int"}]}"#,
    );
    let registry = client(&fake.url);
    let Fit::Broken(findings) = registry.check().await.unwrap().remove(0).fit else {
        panic!("it does not fit")
    };
    let said = findings[0].to_string();
    assert!(said.starts_with("version 1, field `event_id`, as it was written: "), "{said}");
    let error = registry.register().await.unwrap_err();
    assert_eq!(error.reason(), "schema");
    assert!(error.to_string().contains("okr.events-value: version 1, field `"), "{error}");
    assert_eq!(fake.inside().schemas.len(), 1);
    assert!(fake.inside().levels.is_empty());
}

#[tokio::test]
async fn a_registry_that_fails_is_not_taken_for_an_empty_one() {
    let fake = fake::Fake::start().await;
    fake.inside().broken = Some((404, "<html>not a registry"));
    assert_eq!(client(&fake.url).check().await.unwrap_err().reason(), "registry_down");
}

#[tokio::test]
async fn a_request_without_an_answer_is_made_again_and_each_has_a_connection_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let registry = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = async {
        let (mut first, _) = listener.accept().await.unwrap();
        let asked = head(&mut first).await;
        drop(first);
        // These stay open, and nobody may use them again.
        let mut open = Vec::new();
        for _ in 0..2 {
            let (mut next, _) = listener.accept().await.unwrap();
            assert_eq!(head(&mut next).await, asked);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"compatibility\":\"FULL\"}";
            next.write_all(answer).await.unwrap();
            open.push(next);
        }
    };
    let asking = async {
        registry.set_level("okr.events-value", "FULL").await.unwrap();
        registry.set_level("okr.events-value", "FULL").await.unwrap();
    };
    tokio::join!(server, asking);
}

/// The line of a request whose body has come.
async fn head(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    while !text.ends_with('}') {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the request ends after {text:?}");
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
    text.lines().next().unwrap().to_owned()
}
