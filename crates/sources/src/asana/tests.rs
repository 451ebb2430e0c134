//! Asana's handshake, heartbeat and thin events.

use http::{HeaderMap, HeaderName, Method};
use okr::Change;

use super::{Pending, offer, references};

const SECRET: &str = "b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

#[test]
fn a_handshake_offers_a_secret_and_wants_it_back() {
    for body in ["", "{}", " {} \n"] {
        let offered = offer(&Method::POST, &headers(&[("x-hook-secret", SECRET)]), body.as_bytes()).unwrap();
        assert_eq!(offered.secret.expose(), SECRET);
        assert_eq!(
            (offered.answer.status, &offered.answer.headers),
            (200, &vec![("x-hook-secret", SECRET.to_owned())])
        );
        assert!(!format!("{:?}", offered.secret).contains(SECRET));
    }
}

#[test]
fn nothing_but_the_documented_shape_is_a_handshake() {
    let secret = ("x-hook-secret", SECRET);
    let check = |method: Method, pairs: &[(&str, &str)], body: &str| {
        assert!(offer(&method, &headers(pairs), body.as_bytes()).is_none(), "{method} {pairs:?} {body}");
    };
    check(Method::GET, &[secret], "");
    check(Method::POST, &[], "");
    check(Method::POST, &[secret, secret], "");
    check(Method::POST, &[secret, ("x-hook-signature", "00")], "");
    check(Method::POST, &[secret], "{\"events\":[]}");
    check(Method::POST, &[("x-hook-secret", "short")], "");
    check(Method::POST, &[("x-hook-secret", "has blanks in its middle")], "");
    check(Method::POST, &[("x-hook-secret", &"a".repeat(257))], "");
}

#[test]
fn events_about_goals_become_references() {
    let body = r#"{"events":[
        {"action":"changed","created_at":"2026-02-03T10:15:00.000Z","parent":null,"user":{"gid":"12","resource_type":"user"},
         "resource":{"gid":"1202461773653662","resource_type":"goal"},"change":{"field":"current_number_value","action":"changed"}},
        {"action":"changed","created_at":"2026-02-03T10:15:00.000Z","parent":null,"user":{"gid":"12","resource_type":"user"},
         "resource":{"gid":"1202461773653662","resource_type":"goal"},"change":{"field":"status","action":"changed"}},
        {"action":"added","created_at":"2026-02-03T10:16:00.000Z","user":null,
         "resource":{"gid":"77","resource_type":"story"},"parent":{"gid":"1202461773653662","resource_type":"goal"}},
        {"action":"deleted","resource":{"gid":9007199254740993,"resource_type":"goal"}},
        {"action":"added","resource":{"gid":"5","resource_type":"task"},"parent":{"gid":"6","resource_type":"project"}}]}"#;
    let read = references(body.as_bytes()).unwrap();
    let shown: Vec<(&str, Change, Option<&str>)> =
        read.iter().map(|one| (one.object_id.as_str(), one.change, one.actor.as_deref())).collect();
    assert_eq!(
        shown,
        [
            ("1202461773653662", Change::Updated, Some("12")),
            ("1202461773653662", Change::Updated, None),
            ("9007199254740993", Change::Deleted, None),
        ]
    );
    assert_eq!(read[0].occurred_at.unwrap().to_string(), "2026-02-03T10:15:00Z");
}

#[test]
fn a_heartbeat_says_nothing() {
    assert_eq!(references(br#"{"events":[]}"#), Ok(Vec::<Pending>::new()));
}

#[test]
fn what_asana_does_not_document_is_held() {
    for (body, reason) in [
        ("", "not_json"),
        ("[]", "not_object"),
        ("{}", "events"),
        (r#"{"events":{}}"#, "events"),
        (r#"{"events":[1]}"#, "events"),
        (r#"{"events":[{}]}"#, "resource"),
        (r#"{"events":[{"resource":{"resource_type":"goal","gid":"1"}}]}"#, "action"),
        (r#"{"events":[{"action":"added","resource":{"resource_type":"goal"}}]}"#, "resource.gid"),
        (
            r#"{"events":[{"action":"added","created_at":"now","resource":{"resource_type":"goal","gid":"1"}}]}"#,
            "created_at",
        ),
        (
            r#"{"events":[{"action":"added","resource":{"resource_type":"x"},"parent":{"resource_type":"goal"}}]}"#,
            "parent.gid",
        ),
    ] {
        assert_eq!(references(body.as_bytes()).unwrap_err().reason(), reason, "{body}");
    }
    let many = format!(r#"{{"events":[{}1]}}"#, "1,".repeat(1000));
    assert_eq!(references(many.as_bytes()).unwrap_err().reason(), "events");
}

fn source(section: &str) -> crate::Source {
    crate::Source::build("goals", &toml::from_str(section).unwrap()).unwrap()
}

#[test]
fn a_source_without_a_secret_learns_them_and_one_with_a_verification_of_its_own_does_not() {
    let body = br#"{"events":[]}"#;
    let other = source("kind = \"asana\"\nsecrets = [\"abc\"]");
    let signed = other.sign(body, jiff::Timestamp::UNIX_EPOCH);
    let signed =
        headers(&signed.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>());
    let request = crate::Request { headers: &signed, body, now: jiff::Timestamp::UNIX_EPOCH };

    let source_of_none = source("kind = \"asana\"");
    assert!(source_of_none.learns());
    assert_eq!(source_of_none.verify(&request), Err(crate::Refusal::Mismatch), "nothing is known yet");
    let secret = |text: &str| boot::Secret::new(text.to_owned());
    let learned = source_of_none.learned(&[secret("xyz"), secret("abc")]);
    assert_eq!(source_of_none.verify_with(&request, &learned), Ok(()));
    let learned = other.learned(&[secret("xyz")]);
    assert_eq!(
        other.verify_with(&request, &learned),
        Ok(()),
        "a configured one counts beside the learned ones"
    );

    let own = source("kind = \"asana\"\nverify = { scheme = \"bearer\", secrets = [\"t\"] }");
    assert!(!own.learns());
    assert!(own.offer(&Method::POST, &headers(&[("x-hook-secret", SECRET)]), b"").is_none());
}

#[test]
fn every_post_is_a_delivery_of_its_own_and_names_what_to_ask_about() {
    let source = source("kind = \"asana\"\nnamespace = \"a/b\"");
    let body = br#"{"events":[{"action":"changed","resource":{"gid":"7","resource_type":"goal"}}]}"#;
    let read = |second| {
        let received_at = jiff::Timestamp::from_second(second).unwrap();
        source.read(&crate::Delivery { headers: &HeaderMap::new(), body, received_at })
    };
    assert_eq!(read(1).events, Ok(Vec::new()));
    assert_ne!(read(1).identity, read(2).identity);
    let pendings = read(1).pendings;
    assert_eq!(pendings.len(), 1);
    assert_eq!(source.object_key(&pendings[0]), "a%2Fb/goal/7");
}
